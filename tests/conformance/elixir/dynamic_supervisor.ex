defmodule Conformance.DynamicSupervisor do
  use Conformance
  import Conformance.Supervision

  defp start(options \\ []) do
    {:ok, sup} = DynamicSupervisor.start_link(options)
    trace("supervisor", sup)
    sup
  end

  defp add(sup, child) do
    {:ok, pid} = DynamicSupervisor.start_child(sup, child)
    pid
  end

  defp children(sup), do: for({_, pid, type, _} <- DynamicSupervisor.which_children(sup), do: [pid, type])

  defp exit_with(sup, pid, reason) do
    send(pid, {:exit, reason})
    settle(sup, pid)
  end

  scenario "starts children of one id, in order, and counts them" do
    sup = start()
    for type <- [:worker, :supervisor, :worker], do: trace("pid", add(sup, probe(:a, type: type)))
    trace("children", children(sup))
    trace("counts", DynamicSupervisor.count_children(sup))
    trace_all(3)
  end

  scenario "refuses children above max_children until one exits" do
    sup = start(max_children: 1)
    pid = add(sup, probe(:a, restart: :temporary))
    trace("full", DynamicSupervisor.start_child(sup, probe(:b)))
    exit_with(sup, pid, :normal)
    next = add(sup, probe(:c))
    trace("full", DynamicSupervisor.start_child(sup, probe(:d)))
    trace("terminated", DynamicSupervisor.terminate_child(sup, next))
    trace("room", match?({:ok, _}, DynamicSupervisor.start_child(sup, probe(:e))))
    trace_all(3)
  end

  scenario "max_children 0 calls no start, not even an ignored one" do
    sup = start(max_children: 0)
    ignore = %{id: :a, start: {Function, :identity, [:ignore]}}
    trace("start", DynamicSupervisor.start_child(sup, ignore))
    trace("start", DynamicSupervisor.start_child(sup, flaky(:b, [1])))
    trace("children", children(sup))
  end

  scenario "keeps no child whose start fails or is ignored" do
    sup = start()
    ignore = %{id: :a, start: {Function, :identity, [:ignore]}}
    trace("ignore", DynamicSupervisor.start_child(sup, ignore))
    trace("failing", DynamicSupervisor.start_child(sup, flaky(:b, [1])))
    trace("counts", DynamicSupervisor.count_children(sup))
    trace_all(1)
  end

  scenario "a permanent child restarts last, with another pid" do
    sup = start(max_restarts: 9)
    pid = add(sup, probe(:a))
    add(sup, probe(:b))
    trace("children", children(sup))

    Enum.reduce([:normal, :shutdown, {:shutdown, :done}, :oops], pid, fn reason, pid ->
      exit_with(sup, pid, reason)
      trace("children", children(sup))
      [_, [last, _]] = children(sup)
      last
    end)

    trace_all(6)
  end

  scenario "a transient child restarts unless it exited normally" do
    sup = start(max_restarts: 9)

    for reason <- [:normal, :shutdown, {:shutdown, :done}, :oops, {:odd, 1}] do
      exit_with(sup, add(sup, probe(:a, restart: :transient)), reason)
      trace("after", [reason, children(sup)])
    end

    trace_all(7)
  end

  scenario "a temporary child never restarts" do
    sup = start()

    for reason <- [:normal, :oops] do
      exit_with(sup, add(sup, probe(:a, restart: :temporary)), reason)
      trace("after", [reason, children(sup)])
    end

    trace_all(2)
  end

  scenario "exits after one restart too many, and ends the others" do
    Process.flag(:trap_exit, true)
    sup = start(max_restarts: 1)
    pid = add(sup, probe(:a))
    add(sup, probe(:b, trap: true))
    exit_with(sup, pid, :oops)
    [_, [next, _]] = children(sup)
    send(next, {:exit, :oops})
    trace_all(5)
  end

  scenario "each attempt to restart a child counts as a restart" do
    Process.flag(:trap_exit, true)
    sup = start()
    send(add(sup, flaky(:a, [2, 3, 4])), {:exit, :oops})
    trace_all(5)
  end

  scenario "a child whose restart fails is retried until it starts" do
    sup = start()
    exit_with(sup, add(sup, flaky(:a, [2, 3])), :oops)
    trace_all(4)
    trace("counts", DynamicSupervisor.count_children(sup))
  end

  scenario "a retried child counts, and its old pid removes it" do
    sup = start(max_children: 1)
    pid = add(sup, flaky(:a, [2], wait: true))
    trace("pid", pid)
    send(pid, {:exit, :oops})
    trace_all(2)
    requests = [:which_children, :count_children, {:terminate_child, pid}, {:terminate_child, pid}, :which_children]
    asked = for request <- requests, do: :gen_server.send_request(sup, request)
    send(sup, :fail)
    answers = for id <- asked, {:reply, answer} <- [:gen_server.receive_response(id, 2000)], do: answer
    [before, counts, terminated, again, last] = answers
    trace("before", for({_, pid, type, _} <- before, do: [pid, type]))
    trace("counts", Map.new(counts))
    trace("terminate", terminated)
    trace("terminate", again)
    trace("after", last)
    DynamicSupervisor.stop(sup)
    trace("stopped")
    trace_nothing("tried")
  end

  scenario "a child that ignores its restart is forgotten" do
    {:ok, agent} = Agent.start_link(fn -> true end)
    observer = self()

    start = fn ->
      if Agent.get_and_update(agent, &{&1, false}), do: start_probe(:a, observer), else: :ignore
    end

    sup = start()
    exit_with(sup, add(sup, %{id: :a, start: {:erlang, :apply, [start, []]}}), :oops)
    trace("children", children(sup))
    trace_all(1)
  end

  scenario "an ignored restart counts as a restart" do
    Process.flag(:trap_exit, true)
    {:ok, agent} = Agent.start_link(fn -> true end)
    observer = self()

    start = fn ->
      if Agent.get_and_update(agent, &{&1, false}), do: start_probe(:a, observer), else: :ignore
    end

    sup = start(max_restarts: 1)
    pid = add(sup, %{id: :a, start: {:erlang, :apply, [start, []]}})
    other = add(sup, probe(:b))
    exit_with(sup, pid, :oops)
    send(other, {:exit, :oops})
    trace_all(3)
  end

  scenario "terminate_child ends a child, or returns not_found" do
    sup = start()
    pid = add(sup, probe(:a, trap: true))
    trace("pid", pid)
    trace("terminate", DynamicSupervisor.terminate_child(sup, pid))
    trace("terminate", DynamicSupervisor.terminate_child(sup, pid))
    trace("self", DynamicSupervisor.terminate_child(sup, self()))
    trace("children", children(sup))
    trace_all(2)
  end

  scenario "asks all its children to exit at once" do
    Process.flag(:trap_exit, true)
    sup = start()
    pids = for id <- [:a, :b], do: add(sup, probe(id, slow: true, shutdown: :infinity))
    trace_all(2)
    observer = self()
    spawn_link(fn -> send(observer, {:stopped, DynamicSupervisor.stop(sup)}) end)
    # Either could be first; the point is that both are asked before one has exited.
    told = for _ <- pids, do: elem(expect(:down), 1)
    trace("told", Enum.sort(told))
    trace("alive", Process.alive?(sup))
    for pid <- pids, do: send(pid, :go)
    trace("stopped", expect(:stopped))
  end

  scenario "each child is killed after its own shutdown timeout" do
    sup = start()

    refs =
      for options <- [[stubborn: true, shutdown: 20], [trap: true, shutdown: :brutal_kill]] do
        pid = add(sup, probe(:a, options))
        ref = Process.monitor(pid)
        trace("monitor", [pid, ref])
        ref
      end

    slow = add(sup, probe(:b, slow: true, shutdown: :infinity))
    trace_all(3)
    observer = self()
    spawn_link(fn -> send(observer, {:stopped, DynamicSupervisor.stop(sup)}) end)
    receive do: ({:down, :b, reason} -> trace("told", reason))
    receive do: ({:down, :a, reason} -> trace("told", reason))
    for ref <- refs, do: receive(do: ({_, ^ref, _, _, _} = down -> trace("got", down)))
    send(slow, :go)
    trace("stopped", expect(:stopped))
  end

  scenario "exits with its parent, for the same reason" do
    for reason <- [:normal, :oops] do
      {pid, sup} = parent(fn -> DynamicSupervisor.start_link([]) end)
      add(sup, probe(:a, trap: true))
      ref = Process.monitor(sup)
      trace("monitor", [sup, ref])
      send(pid, {:exit, reason})
      trace_all(3)
    end
  end

  scenario "stops with the given reason" do
    Process.flag(:trap_exit, true)

    for reason <- [:normal, {:shutdown, :done}, :oops] do
      sup = start()
      add(sup, probe(:a, trap: true))
      trace("stopped", DynamicSupervisor.stop(sup, reason))
      trace_all(3)
    end
  end

  scenario "ignores casts, messages and exits of other processes" do
    sup = start()
    pid = add(sup, probe(:a))

    stranger =
      spawn(fn ->
        GenServer.cast(sup, :hello)
        send(sup, :hello)
        Process.exit(sup, :oops)
        trace("same", children(sup) == [[pid, :worker]])
      end)

    reason_of(stranger)
    trace("alive", Process.alive?(sup))
  end

  scenario "a supervisor restarts it without its children" do
    {:ok, top} = Supervisor.start_link([{DynamicSupervisor, name: :rooms}], strategy: :one_for_one)
    trace("top", tree(top))
    add(:rooms, probe(:a, trap: true))
    trace("rooms", children(:rooms))
    pid = Process.whereis(:rooms)
    Process.exit(pid, :kill)
    settle(top, pid)
    trace("top", tree(top))
    trace("rooms", children(:rooms))
    trace_all(2)
  end

  scenario "a start with a registered name returns its holder" do
    {:ok, sup} = DynamicSupervisor.start_link(name: :rooms)
    trace("first", sup)
    trace("second", DynamicSupervisor.start_link(name: :rooms))
  end

  def remote, do: {:ok, spawn_link(fn -> receive do: ({:exit, reason} -> exit(reason)) end)}

  def start_remote do
    {:ok, sup} = DynamicSupervisor.start_link(name: :far, max_children: 1)
    sup
  end

  scenario "on another node it starts and ends children there" do
    kate = peer(:kate)
    on(:kate, :start_remote)
    sup = {:far, kate}
    child = %{id: :a, start: {__MODULE__, :remote, []}}
    pid = add(sup, child)
    trace("child", [pid, node(pid)])
    trace("full", DynamicSupervisor.start_child(sup, child))
    exit_with(sup, pid, :oops)
    [[next, _]] = children(sup)
    trace("next", next)
    trace("terminated", DynamicSupervisor.terminate_child(sup, next))
    trace("children", children(sup))
    trace("stopped", DynamicSupervisor.stop(sup))
  end

  scenario "forgets a temporary child whose node is killed" do
    victim = peer(:victim)
    sup = start()
    start = fn -> {:ok, Node.spawn_link(victim, Conformance, :forever, [])} end
    pid = add(sup, %{id: :a, start: {:erlang, :apply, [start, []]}, restart: :temporary})
    trace("children", children(sup))
    kill_node(:victim)
    settle(sup, pid)
    trace("children", children(sup))
  end

  def start_extra(first, second, own) do
    send(own, {:started, first, second})
    {:ok, spawn_link(fn -> expect(:exit) |> exit() end)}
  end

  scenario "extra_arguments come before the child's own arguments" do
    sup = start(extra_arguments: [:one, [2]])
    pid = add(sup, %{id: :a, start: {__MODULE__, :start_extra, [self()]}})
    trace("started", next())
    send(pid, {:exit, :oops})
    trace("again", next(5000))
    add(sup, %{id: :b, start: {__MODULE__, :start_extra, [self()]}})
    trace("another", next())
  end
end
