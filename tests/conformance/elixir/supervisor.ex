defmodule Conformance.Supervisor do
  use Conformance
  import Conformance.Supervision

  @one [strategy: :one_for_one]

  defp start(children, options \\ []) do
    {:ok, sup} = Supervisor.start_link(children, Keyword.merge(@one, options))
    trace("supervisor", sup)
    sup
  end

  # Order

  scenario "starts its children in order, and ends them in reverse" do
    sup = start([probe(:a, trap: true), probe(:b, trap: true), probe(:c, trap: true)])
    trace_all(3)
    trace("tree", tree(sup))
    trace("stopped", Supervisor.stop(sup))
    trace_all(3)
  end

  scenario "a later child is started last and terminated first" do
    sup = start([probe(:a, trap: true), probe(:b, trap: true)])
    {:ok, pid} = Supervisor.start_child(sup, probe(:c, trap: true))
    trace("added", pid)
    trace_all(3)
    trace("tree", tree(sup))
    Supervisor.stop(sup)
    trace_all(3)
  end

  scenario "counts its children by whether they run, and by type" do
    sup =
      start([
        probe(:a),
        probe(:b, type: :supervisor),
        probe(:c, restart: :transient),
        probe(:d, restart: :temporary)
      ])

    trace("all", Supervisor.count_children(sup))
    finish(sup, :c, :normal)
    finish(sup, :d, :normal)
    :ok = Supervisor.terminate_child(sup, :b)
    trace("fewer", Supervisor.count_children(sup))
    trace_all(4)
  end

  # Strategies

  scenario "one_for_one restarts the exited child in its position" do
    sup = start([probe(:a, trap: true), probe(:b), probe(:c, trap: true)])
    trace_all(3)
    trace("tree", tree(sup))
    finish(sup, :b, :oops)
    trace_all(1)
    trace("tree", tree(sup))
  end

  scenario "one_for_all ends the others in reverse, restarts all" do
    sup = start(for(id <- [:a, :b, :c, :d], do: probe(id, trap: true)), strategy: :one_for_all)
    trace_all(4)
    finish(sup, :b, :oops)
    trace_all(7)
  end

  scenario "rest_for_one restarts the children started later" do
    sup = start(for(id <- [:a, :b, :c, :d], do: probe(id, trap: true)), strategy: :rest_for_one)
    trace_all(4)
    trace("tree", tree(sup))
    finish(sup, :b, :oops)
    trace_all(5)
    trace("tree", tree(sup))
  end

  scenario "one_for_all removes temporary siblings for good" do
    children = [probe(:a), probe(:t, trap: true, restart: :temporary), probe(:b)]
    sup = start(children, strategy: :one_for_all)
    trace_all(3)
    finish(sup, :a, :oops)
    trace_all(3)
    trace("tree", tree(sup))
  end

  scenario "one_for_all goes on when a temporary child exits" do
    children = [probe(:a), probe(:t, trap: true, restart: :temporary), probe(:b)]
    sup = start(children, strategy: :one_for_all)
    trace_all(3)
    trace("tree", tree(sup))
    finish(sup, :t, :oops)
    trace("tree", tree(sup))
  end

  scenario "rest_for_one leaves an earlier temporary child" do
    temporary = &probe(&1, trap: true, restart: :temporary)
    sup = start([temporary.(:s), probe(:a), temporary.(:t)], strategy: :rest_for_one)
    trace_all(3)
    trace("tree", tree(sup))
    finish(sup, :a, :oops)
    trace_all(2)
    trace("tree", tree(sup))
  end

  scenario "one_for_all restarts an exited transient sibling" do
    sup = start([probe(:a), probe(:b, restart: :transient)], strategy: :one_for_all)
    finish(sup, :b, :normal)
    trace("tree", tree(sup))
    finish(sup, :a, :oops)
    trace_all(4)
    trace("tree", tree(sup))
  end

  scenario "one_for_all restarts once for two exits at once" do
    sup = start([probe(:a), probe(:b)], strategy: :one_for_all, max_restarts: 1)
    pids = for id <- [:a, :b], do: pid_of(sup, id)
    spec = flaky(:c, [1], wait: true)
    request = :gen_server.send_request(sup, {:start_child, spec})
    expect(:failing)
    for pid <- pids, do: Process.exit(pid, :kill)
    for pid <- pids, do: reason_of(pid)
    send(sup, :fail)
    {:reply, answer} = :gen_server.receive_response(request, 2000)
    trace("not added", result(answer))
    trace_all(4)
    trace("counts", Supervisor.count_children(sup))
  end

  # Restart types

  scenario "a permanent child restarts for any reason" do
    sup = start([probe(:a)], max_restarts: 9)

    for reason <- [:normal, :shutdown, {:shutdown, :done}, :oops] do
      finish(sup, :a, reason)
      trace("after", reason)
    end

    trace_all(5)
  end

  scenario "a transient child restarts unless it exits normally" do
    sup = start([probe(:a, restart: :transient)], max_restarts: 9)

    for reason <- [:oops, :normal, :shutdown, {:shutdown, :done}, {:odd, 1}] do
      finish(sup, :a, reason)
      trace("after", reason)
      if reason in [:oops, {:odd, 1}], do: trace("runs", pid_of(sup, :a)), else: trace("tree", tree(sup))
      if pid_of(sup, :a) == :undefined, do: {:ok, _} = Supervisor.restart_child(sup, :a)
    end

    trace_all(6)
  end

  scenario "a temporary child never restarts, and is forgotten" do
    sup = start([])

    for reason <- [:normal, :shutdown, :oops] do
      {:ok, _} = Supervisor.start_child(sup, probe(:a, restart: :temporary))
      finish(sup, :a, reason)
      trace("tree", tree(sup))
    end

    trace_all(3)
  end

  # Intensity

  scenario "exits after one restart too many, and ends the others" do
    Process.flag(:trap_exit, true)
    sup = start([probe(:a, trap: true), probe(:b), probe(:c, trap: true)], max_restarts: 1)
    finish(sup, :b, :oops)
    send(pid_of(sup, :b), {:exit, :oops})
    trace_all(7)
  end

  scenario "a restart longer ago than max_seconds does not count" do
    sup = start([probe(:a)], max_restarts: 1, max_seconds: 1)
    finish(sup, :a, :oops)
    # OTP counts whole seconds.
    Process.sleep(2100)
    finish(sup, :a, :oops)
    trace_all(3)
    trace("counts", Supervisor.count_children(sup))
  end

  scenario "restarts are counted in whole seconds" do
    Process.flag(:trap_exit, true)
    sup = start([probe(:a)], max_restarts: 1, max_seconds: 1)
    wait_for_second()
    finish(sup, :a, :oops)
    # More than one second later, in the next second of the clock.
    Process.sleep(1300)
    send(pid_of(sup, :a), {:exit, :oops})
    trace_all(3)
  end

  defp wait_for_second do
    now = System.monotonic_time(:millisecond)
    Process.sleep(1000 - Integer.mod(now, 1000))
  end

  scenario "each attempt to restart a child counts" do
    Process.flag(:trap_exit, true)
    sup = start([flaky(:a, [2, 3, 4])])
    send(pid_of(sup, :a), {:exit, :normal})
    trace_all(5)
  end

  scenario "a child whose restart fails is retried until it starts" do
    sup = start([flaky(:a, [2, 3]), probe(:b)])
    finish(sup, :a, :oops)
    trace_all(5)
    trace("counts", Supervisor.count_children(sup))
  end

  scenario "serves requests between two attempts" do
    sup = start([flaky(:a, [2], wait: true)])
    send(pid_of(sup, :a), {:exit, :oops})
    trace_all(2)

    asked =
      for request <- [
            :which_children,
            {:delete_child, :a},
            {:restart_child, :a},
            :count_children,
            {:terminate_child, :a},
            :which_children
          ],
          do: :gen_server.send_request(sup, request)

    send(sup, :fail)
    answers = for id <- asked, {:reply, answer} <- [:gen_server.receive_response(id, 2000)], do: answer
    [before, deleted, restarted, counts, terminated, last] = answers
    trace("before", for({id, pid, type, _} <- before, do: [id, pid, type]))
    trace("delete", deleted)
    trace("restart", restarted)
    trace("counts", Map.new(counts))
    trace("terminate", terminated)
    trace("after", for({id, pid, type, _} <- last, do: [id, pid, type]))
    Supervisor.stop(sup)
    trace("stopped")
    trace_nothing("tried")
  end

  scenario "one_for_all restarts all once more when one of them fails to start" do
    sup = start([probe(:a, trap: true), flaky(:b, [2], trap: true), probe(:c, trap: true)], strategy: :one_for_all)
    send(pid_of(sup, :a), {:exit, :oops})
    trace_all(11)
    trace("tree", tree(sup))
  end

  scenario "rest_for_one goes on from the child that failed to start" do
    sup = start([probe(:a, trap: true), flaky(:b, [2], trap: true), probe(:c, trap: true)], strategy: :rest_for_one)
    send(pid_of(sup, :a), {:exit, :oops})
    trace_all(9)
    trace("tree", tree(sup))
  end

  # How children are terminated

  scenario "kills a child that takes longer than its shutdown" do
    sup = start([probe(:a, stubborn: true, shutdown: 20)])
    ref = Process.monitor(pid_of(sup, :a))
    trace("monitor", ref)
    trace("terminated", Supervisor.terminate_child(sup, :a))
    trace_all(3)
  end

  scenario "brutal_kill kills a child without asking it to exit" do
    sup = start([probe(:a, trap: true, shutdown: :brutal_kill)])
    ref = Process.monitor(pid_of(sup, :a))
    trace("monitor", ref)
    trace("terminated", Supervisor.terminate_child(sup, :a))
    trace_all(2)
  end

  scenario "waits for a child with shutdown infinity" do
    sup = start([probe(:a, slow: true, shutdown: :infinity), probe(:b, trap: true)])
    a = pid_of(sup, :a)
    ref = Process.monitor(sup)
    trace("monitor", ref)
    observer = self()
    spawn_link(fn -> send(observer, {:stopped, Supervisor.stop(sup)}) end)
    trace_all(4)
    trace("alive", Process.alive?(sup))
    send(a, :go)
    trace("stopped", expect(:stopped))
    trace_all(1)
  end

  scenario "a stop whose caller timed out is still a stop" do
    Process.flag(:trap_exit, true)
    sup = start([probe(:a, slow: true, shutdown: :infinity)])
    a = pid_of(sup, :a)
    attempt("stop", fn -> Supervisor.stop(sup, :shutdown, 10) end)
    trace_all(2)
    send(a, :go)
    trace_all(1)
  end

  scenario "a child that exits during a termination stays away" do
    sup = start([probe(:a), probe(:b, slow: true)])
    [a, b] = for id <- [:a, :b], do: pid_of(sup, id)
    observer = self()
    spawn_link(fn -> send(observer, {:stopped, Supervisor.stop(sup)}) end)
    trace_all(3)
    send(a, {:exit, :oops})
    trace("ended", reason_of(a))
    send(b, :go)
    trace_all(1)
  end

  scenario "terminates a child that has unlinked itself" do
    sup = start([])
    observer = self()

    start = fn id ->
      {:ok, pid} = start_probe(id, observer)
      Process.unlink(pid)
      {:ok, pid}
    end

    for id <- [:a, :b], do: {:ok, _} = Supervisor.start_child(sup, %{id: id, start: {:erlang, :apply, [start, [id]]}})
    [a, b] = for id <- [:a, :b], do: pid_of(sup, id)
    trace("tree", tree(sup))
    send(a, {:exit, :oops})
    trace("ended", reason_of(a))
    trace("tree", tree(sup))
    trace("counts", Supervisor.count_children(sup))
    Supervisor.stop(sup)
    trace("alive", Process.alive?(b))
    trace_all(2)
  end

  scenario "an exit signal in a child's name counts as its exit" do
    sup = start([])

    start = fn ->
      {:ok,
       spawn_link(fn ->
         receive do: (:go -> Process.exit(sup, :oops))
         forever()
       end)}
    end

    {:ok, pid} = Supervisor.start_child(sup, %{id: :a, start: {:erlang, :apply, [start, []]}})
    trace("first", pid)
    send(pid, :go)
    settle(sup, pid)
    trace("second", pid_of(sup, :a))
    Supervisor.stop(sup)
    trace("first alive", Process.alive?(pid))
  end

  # The supervisor's own exit

  scenario "stops with the given reason" do
    Process.flag(:trap_exit, true)

    for reason <- [:normal, :shutdown, {:shutdown, :done}, :oops] do
      sup = start([probe(:a, trap: true)])
      trace("stopped", Supervisor.stop(sup, reason))
      trace_all(3)
    end
  end

  scenario "stop exits if it is missing or the reason differs" do
    Process.flag(:trap_exit, true)
    attempt("nobody", fn -> Supervisor.stop(:nobody) end)
    sup = start([probe(:a, slow: true)])
    a = pid_of(sup, :a)
    observer = self()
    spawn(fn -> attempt("killed", fn -> Supervisor.stop(sup) end) && send(observer, :done) end)
    trace_all(2)
    Process.exit(sup, :kill)
    expect(:done)
    send(a, :go)
    trace_all(1)
  end

  scenario "exits with its parent, for the same reason" do
    for reason <- [:normal, :shutdown, :oops] do
      {pid, sup} = parent(fn -> Supervisor.start_link([], @one) end)
      {:ok, _} = Supervisor.start_child(sup, probe(:a, trap: true))
      ref = Process.monitor(sup)
      trace("monitor", [sup, ref])
      send(pid, {:exit, reason})
      trace_all(3)
    end
  end

  scenario "exits with killed when its parent is killed" do
    {pid, sup} = parent(fn -> Supervisor.start_link([], @one) end)
    {:ok, _} = Supervisor.start_child(sup, probe(:a, trap: true))
    ref = Process.monitor(sup)
    trace("monitor", [sup, ref])
    Process.exit(pid, :kill)
    trace_all(3)
  end

  scenario "a killed supervisor ends its children over their links" do
    Process.flag(:trap_exit, true)
    sup = start([probe(:a), probe(:b, trap: true)])
    trace_all(2)
    a = pid_of(sup, :a)
    ref = Process.monitor(a)
    trace("monitor", [a, ref])
    Process.exit(sup, :kill)
    trace("down", expect(:DOWN))
    trace("down", expect(:down))
    trace("exit", expect(:EXIT))
  end

  scenario "ignores exits of other processes and messages" do
    sup = start([probe(:a)])

    stranger =
      spawn(fn ->
        Process.exit(sup, :oops)
        send(sup, :hello)
        send(sup, {:EXIT, self(), :oops})
        trace("counts", Supervisor.count_children(sup))
      end)

    reason_of(stranger)
    trace_all(1)
    trace("alive", Process.alive?(sup))
  end

  # Starts that fail

  scenario "a child that fails to start ends the earlier ones" do
    Process.flag(:trap_exit, true)
    children = [probe(:a, trap: true), probe(:b, trap: true), flaky(:c, [1]), probe(:d)]
    trace("start", Supervisor.start_link(children, @one))
    trace_all(5)
    trace_nothing("exit")
  end

  scenario "a failed start ends a caller that does not trap exits" do
    children = [flaky(:a, [1])]
    pid = spawn(fn -> Supervisor.start_link(children, @one) end)
    trace("reason", reason_of(pid))
    trace_all(1)
  end

  scenario "a start under a registered name starts no child" do
    {:ok, sup} = Supervisor.start_link([], [name: :taken] ++ @one)
    trace("first", sup)
    trace("second", Supervisor.start_link([probe(:a)], [name: :taken] ++ @one))
    Supervisor.stop(:taken)
    trace("free", Process.whereis(:taken))
    trace_nothing("child")
  end

  scenario "its parent's exit signal ends it, and frees its name" do
    Process.flag(:trap_exit, true)
    {:ok, sup} = Supervisor.start_link([probe(:a, trap: true)], [name: :named] ++ @one)
    trace("pid", sup)
    Process.exit(sup, :oops)
    trace_all(3)
    trace("free", Process.whereis(:named))
  end

  scenario "an ignored start is kept, unless it is temporary" do
    ignore = fn id, options -> Map.merge(%{id: id, start: {Function, :identity, [:ignore]}}, Map.new(options)) end
    sup = start([ignore.(:a, []), ignore.(:b, restart: :temporary), ignore.(:c, restart: :transient)])
    trace("tree", tree(sup))
    trace("restart", result(Supervisor.restart_child(sup, :a)))
    trace("start", result(Supervisor.start_child(sup, ignore.(:d, []))))
    trace("start", result(Supervisor.start_child(sup, ignore.(:e, restart: :temporary))))
    trace("start", result(Supervisor.start_child(sup, ignore.(:a, []))))
    trace("tree", tree(sup))
    trace("counts", Supervisor.count_children(sup))
  end

  scenario "an ignored restart leaves a child without a process" do
    {:ok, agent} = Agent.start_link(fn -> true end)
    observer = self()

    start = fn ->
      if Agent.get_and_update(agent, &{&1, false}), do: start_probe(:a, observer), else: :ignore
    end

    sup = start([%{id: :a, start: {:erlang, :apply, [start, []]}}], max_restarts: 1)
    finish(sup, :a, :oops)
    trace("tree", tree(sup))
    trace_all(1)
  end

  scenario "an ignored restart counts as a restart" do
    Process.flag(:trap_exit, true)
    {:ok, agent} = Agent.start_link(fn -> true end)
    observer = self()

    start = fn ->
      if Agent.get_and_update(agent, &{&1, false}), do: start_probe(:a, observer), else: :ignore
    end

    sup = start([%{id: :a, start: {:erlang, :apply, [start, []]}}, probe(:b)], max_restarts: 1)
    finish(sup, :a, :oops)
    send(pid_of(sup, :b), {:exit, :oops})
    trace_all(3)
  end

  # Requests

  scenario "start_child refuses known ids and failing children" do
    sup = start([probe(:a)])
    trace("pid", pid_of(sup, :a))
    trace("running", result(Supervisor.start_child(sup, probe(:a))))
    :ok = Supervisor.terminate_child(sup, :a)
    trace("known", result(Supervisor.start_child(sup, probe(:a))))
    trace("failing", result(Supervisor.start_child(sup, flaky(:b, [1]))))
    trace("tree", tree(sup))
    trace_all(2)
  end

  scenario "terminate_child keeps all but temporary children" do
    sup = start([probe(:a, trap: true), probe(:t, trap: true, restart: :temporary)])
    trace("a", Supervisor.terminate_child(sup, :a))
    trace("a", Supervisor.terminate_child(sup, :a))
    trace("t", Supervisor.terminate_child(sup, :t))
    trace("t", Supervisor.terminate_child(sup, :t))
    trace("tree", tree(sup))
    trace_all(4)
  end

  scenario "restart_child and delete_child need a stopped child" do
    sup = start([flaky(:a, [2])])
    trace("tree", tree(sup))
    trace("restart", result(Supervisor.restart_child(sup, :a)))
    trace("delete", Supervisor.delete_child(sup, :a))
    :ok = Supervisor.terminate_child(sup, :a)
    trace("restart", result(Supervisor.restart_child(sup, :a)))
    trace("tree", tree(sup))
    trace("restart", result(Supervisor.restart_child(sup, :a)))
    :ok = Supervisor.terminate_child(sup, :a)
    trace("delete", Supervisor.delete_child(sup, :a))
    trace("delete", Supervisor.delete_child(sup, :a))
    trace("restart", result(Supervisor.restart_child(sup, :a)))
    trace_all(3)
  end

  scenario "restart_child keeps the child's position" do
    sup = start([probe(:a, trap: true), probe(:b, trap: true)])
    :ok = Supervisor.terminate_child(sup, :a)
    {:ok, _} = Supervisor.restart_child(sup, :a)
    Supervisor.stop(sup)
    trace_all(6)
  end

  scenario "a request to a missing supervisor exits with the call" do
    attempt("which", fn -> Supervisor.which_children(:nobody) end)
    attempt("terminate", fn -> Supervisor.terminate_child(:nobody, :a) end)
  end

  # Significant children

  scenario "any_significant ends it when a child exits normally" do
    Process.flag(:trap_exit, true)

    for reason <- [:normal, :shutdown, {:shutdown, :done}] do
      sup =
        start(
          [
            probe(:a, trap: true),
            probe(:b, restart: :transient, significant: true),
            probe(:c, trap: true, restart: :transient, significant: true)
          ],
          auto_shutdown: :any_significant
        )

      send(pid_of(sup, :b), {:exit, reason})
      trace_all(6)
    end
  end

  scenario "any_significant goes on after restarts and requests" do
    sup =
      start([probe(:a, restart: :transient, significant: true), probe(:b, restart: :transient)],
        auto_shutdown: :any_significant
      )

    finish(sup, :a, :oops)
    finish(sup, :b, :normal)
    :ok = Supervisor.terminate_child(sup, :a)
    trace_all(3)
    trace("tree", tree(sup))
  end

  scenario "any_significant ends it when a temporary child fails" do
    Process.flag(:trap_exit, true)
    sup = start([probe(:a, restart: :temporary, significant: true)], auto_shutdown: :any_significant)
    send(pid_of(sup, :a), {:exit, :oops})
    trace_all(2)
  end

  scenario "all_significant ends it when the last of them exits" do
    Process.flag(:trap_exit, true)

    sup =
      start(
        [
          probe(:a, restart: :transient, significant: true),
          probe(:b, trap: true),
          probe(:c, restart: :temporary, significant: true),
          %{id: :d, start: {Function, :identity, [:ignore]}, restart: :transient, significant: true}
        ],
        auto_shutdown: :all_significant
      )

    finish(sup, :a, :normal)
    trace("counts", Supervisor.count_children(sup))
    send(pid_of(sup, :c), {:exit, :oops})
    trace_all(5)
  end

  scenario "all_significant waits for a child that is retried" do
    Process.flag(:trap_exit, true)
    significant = [restart: :transient, significant: true]

    sup =
      start([flaky(:a, [2], [wait: true] ++ significant), probe(:b, significant)],
        auto_shutdown: :all_significant
      )

    b = pid_of(sup, :b)
    send(pid_of(sup, :a), {:exit, :oops})
    trace_all(3)
    send(b, {:exit, :normal})
    trace("ended", reason_of(b))
    send(sup, :fail)
    trace_all(1)
    settle(sup, b)
    send(pid_of(sup, :a), {:exit, :normal})
    trace_all(1)
  end

  scenario "significant supervisors end the tree above them" do
    Process.flag(:trap_exit, true)

    nest = fn id, children ->
      options = [auto_shutdown: :any_significant, name: id] ++ @one
      start = {Supervisor, :start_link, [children, options]}
      %{id: id, start: start, type: :supervisor, restart: :transient, significant: true}
    end

    inner = nest.(:inner, [probe(:a, restart: :transient, significant: true)])
    sup = start([probe(:b, trap: true), nest.(:outer, [inner])], auto_shutdown: :any_significant)
    send(pid_of(:inner, :a), {:exit, :normal})
    trace_all(4)
  end

  # Trees

  defp inner(children, options \\ []) do
    start = {Supervisor, :start_link, [children, [max_restarts: 0, name: :inner] ++ @one]}
    Map.merge(%{id: :inner, start: start, type: :supervisor}, Map.new(options))
  end

  scenario "a parent restarts a supervisor that gives up" do
    sup = start([probe(:x, trap: true), inner([probe(:a, trap: true), probe(:b, trap: true)])])
    pid = pid_of(sup, :inner)
    trace("inner", pid)
    send(pid_of(:inner, :b), {:exit, :oops})
    settle(sup, pid)
    trace_all(6)
    trace("inner", pid_of(sup, :inner))
    Supervisor.stop(sup)
    trace_all(3)
  end

  scenario "a transient supervisor that gives up is not restarted" do
    sup = start([inner([probe(:a)], restart: :transient)])
    pid = pid_of(sup, :inner)
    send(pid_of(:inner, :a), {:exit, :oops})
    settle(sup, pid)
    trace_all(1)
    trace("tree", tree(sup))
  end

  scenario "giving up goes up the tree when each level exceeds" do
    Process.flag(:trap_exit, true)
    sup = start([probe(:x, trap: true), inner([probe(:a)])], max_restarts: 1)
    pid = pid_of(sup, :inner)
    send(pid_of(:inner, :a), {:exit, :oops})
    settle(sup, pid)
    send(pid_of(:inner, :a), {:exit, :oops})
    trace_all(5)
  end

  scenario "a failed tree reports the path to the failed child" do
    Process.flag(:trap_exit, true)
    trace("start", Supervisor.start_link([inner([flaky(:a, [1])])], @one))
    trace_all(1)
  end

  # Other nodes

  def remote, do: {:ok, spawn_link(fn -> receive do: ({:exit, reason} -> exit(reason)) end)}

  def start_remote do
    {:ok, sup} = Supervisor.start_link([], [name: :far] ++ @one)
    sup
  end

  scenario "on another node it starts and ends children there" do
    kate = peer(:kate)
    pid = on(:kate, :start_remote)
    sup = {:far, kate}
    trace("sup", [pid, node(pid)])
    {:ok, child} = Supervisor.start_child(sup, %{id: :a, start: {__MODULE__, :remote, []}})
    trace("child", [child, node(child)])
    finish(sup, :a, :oops)
    trace("next", pid_of(sup, :a))
    trace("again", result(Supervisor.start_child(sup, %{id: :a, start: {__MODULE__, :remote, []}})))
    trace("terminated", Supervisor.terminate_child(sup, :a))
    trace("tree", tree(sup))
    trace("stopped", Supervisor.stop(sup))
    trace("gone", failure(fn -> Supervisor.which_children(sup) end))
  end

  scenario "a child on another node restarts if that is killed" do
    victim = peer(:victim)
    {:ok, agent} = Agent.start_link(fn -> victim end)
    observer = self()

    start = fn ->
      node = Agent.get_and_update(agent, &{&1, node()})
      send(observer, [:on, node])
      {:ok, Node.spawn_link(node, Conformance, :forever, [])}
    end

    sup = start([%{id: :a, start: {:erlang, :apply, [start, []]}, restart: :transient}])
    pid = pid_of(sup, :a)
    trace("first", pid)
    kill_node(:victim)
    settle(sup, pid)
    trace_all(2)
    trace("second", pid_of(sup, :a))
  end

  scenario "a request exits with nodedown when the node is killed" do
    victim = peer(:victim)
    on(:victim, :start_remote)
    observer = self()
    waiting = %{id: :a, start: {__MODULE__, :wait, [observer]}}

    spawn_link(fn ->
      reason = failure(fn -> Supervisor.start_child({:far, victim}, waiting) end)
      send(observer, {:failed, reason})
    end)

    trace_all(1)
    kill_node(:victim)
    trace_all(1)
    trace("after", failure(fn -> Supervisor.count_children({:far, victim}) end))
  end

  def wait(observer) do
    send(observer, :waiting)
    forever()
  end

  scenario "get_childspec returns a specification by its id" do
    child = probe(:a, restart: :transient, shutdown: 100)
    {:ok, sup} = Supervisor.start_link([child], strategy: :one_for_one)
    trace("supervisor", sup)

    of = fn id ->
      case :supervisor.get_childspec(sup, id) do
        {:ok, spec} -> Map.take(spec, [:id, :restart, :shutdown, :type, :significant])
        {:error, reason} -> reason
      end
    end

    trace("of a", of.(:a))
    trace("of none", of.(:b))
    {:ok, _} = Supervisor.start_child(sup, probe(:b, type: :supervisor))
    trace("of b", of.(:b))
    Supervisor.terminate_child(sup, :a)
    trace("of one that is stopped", of.(:a))
    Supervisor.delete_child(sup, :a)
    trace("of one that is deleted", of.(:a))
    trace_all(2)
  end
end
