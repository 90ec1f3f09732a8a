defmodule Conformance.GenServer do
  use Conformance
  use GenServer

  # A scripted server, which reports its callbacks to the main process.

  @impl true
  def init({main, how}) do
    state = %{main: main, said: []}

    case how do
      :ok -> {:ok, state}
      :trap -> trap_exit() && {:ok, state}
      :ignore -> :ignore
      :hang -> send(main, {:hanging, self()}) && forever()
      {:stop, reason} -> {:stop, reason}
      {:exit, reason} -> exit(reason)
      {:raise, message} -> raise message
      {:throw, value} -> throw(value)
      {:give, value} -> value
      {:continue, value} -> {:ok, state, {:continue, value}}
      {:timeout, ms} -> {:ok, state, ms}
      {:early, value} -> send(self(), :early) && {:ok, state, {:continue, value}}
    end
  end

  @impl true
  def handle_call(request, from, state) do
    case request do
      {:say, what} -> {:reply, what, %{state | said: state.said ++ [what]}}
      :said -> {:reply, state.said, state}
      :hold -> send(state.main, {:held, from}) && {:noreply, state}
      {:stop, reason} -> {:stop, reason, state}
      {:stop, reason, reply} -> {:stop, reason, reply, %{state | said: [:last]}}
      {:exit, reason} -> exit(reason)
      {:raise, message} -> raise message
      {:throw, value} -> throw(value)
      {:give, value} -> value
      {:continue, reply, value} -> {:reply, reply, state, {:continue, value}}
      {:timeout, reply, ms} -> {:reply, reply, state, ms}
      {:call, server, request} -> {:reply, try_call(server, request), state}
      {:twice, reply} -> GenServer.reply(from, reply) && {:reply, :second, state}
    end
  end

  defp trap_exit do
    Process.flag(:trap_exit, true)
    :ok
  end

  defp try_call(server, request) do
    GenServer.call(server, request)
  catch
    :exit, reason -> reason
  end

  @impl true
  def handle_cast({:stop, reason}, state), do: {:stop, reason, state}

  def handle_cast(request, state) do
    send(state.main, {:cast, request})
    {:noreply, %{state | said: state.said ++ [request]}}
  end

  @impl true
  def handle_info(message, state) do
    send(state.main, {:info, message})
    {:noreply, %{state | said: state.said ++ [message]}}
  end

  @impl true
  def handle_continue({:raise, message}, _state), do: raise(message)

  def handle_continue(value, state) do
    send(state.main, {:continue, value})
    if value == :first, do: {:noreply, state, {:continue, :second}}, else: {:noreply, state}
  end

  @impl true
  def terminate(reason, state) do
    send(state.main, {:terminate, reason, state.said})

    case reason do
      {:shutdown, :hold} -> receive(do: (:go -> :ok))
      {:shutdown, :exit} -> exit(:last)
      {:shutdown, :raise} -> raise "last"
      {:shutdown, :throw} -> throw(:last)
      _ -> :ok
    end
  end

  defmodule Bare do
    use GenServer
    @impl true
    def init(state), do: {:ok, state}
  end

  defp start(how \\ :ok, options \\ []), do: GenServer.start(__MODULE__, {self(), how}, options)
  defp start_link(how \\ :ok, options \\ []), do: GenServer.start_link(__MODULE__, {self(), how}, options)

  defp started(how \\ :ok, options \\ []) do
    {:ok, pid} = start(how, options)
    pid
  end

  defp started_on(name, how, options) do
    on(name, :started_for, [self(), how, options[:name]])
  end

  def started_for(main, how, name) do
    {:ok, pid} = GenServer.start(__MODULE__, {main, how}, if(name, do: [name: name], else: []))
    pid
  end

  def until_end, do: expect(:end)

  def reply_late(from, main) do
    GenServer.reply(from, :late)
    send(main, :marker)
  end

  def reply_with_node(from), do: GenServer.reply(from, {:ok, node()})

  # A hidden node, as one of the other language is, is not among all nodes.
  defp all_nodes do
    if Node.list(:hidden) == [], do: :all, else: [node() | connected_nodes()]
  end

  defp multi_call_all(request) do
    case all_nodes() do
      :all -> GenServer.multi_call(:server, request)
      nodes -> GenServer.multi_call(nodes, :server, request)
    end
  end

  defp abcast_all(request) do
    case all_nodes() do
      :all -> GenServer.abcast(:server, request)
      nodes -> GenServer.abcast(nodes, :server, request)
    end
  end

  scenario "calls, casts and messages of a sender keep their order" do
    pid = started()
    GenServer.cast(pid, :one)
    send(pid, :two)
    trace("say", GenServer.call(pid, {:say, :three}))
    send(pid, :four)
    GenServer.cast(pid, :five)
    trace("said", GenServer.call(pid, :said))
    for n <- 1..4, do: trace_next("told #{n}")
  end

  scenario "a call to an unregistered name exits with noproc" do
    dead = spawn(fn -> :ok end)
    reason_of(dead)
    attempt("pid", fn -> GenServer.call(dead, :hi) end)
    attempt("name", fn -> GenServer.call(:nobody, :hi) end)
    attempt("name here", fn -> GenServer.call({:nobody, node()}, {:hi, 1}, :infinity) end)
    attempt("timeout 0", fn -> GenServer.call(:nobody, :hi, 0) end)
  end

  scenario "a call to another node's free name exits with noproc" do
    kate = peer(:kate)
    dead = Node.spawn(kate, __MODULE__, :until_end, [])
    send(dead, :end)
    reason_of(dead)
    attempt("name", fn -> GenServer.call({:nobody, kate}, :hi, 60_000) end)
    attempt("pid", fn -> GenServer.call(dead, :hi, 60_000) end)
  end

  scenario "a call to an unknown node exits with nodedown" do
    attempt("call", fn -> GenServer.call({:server, unknown_node()}, :hi, 60_000) end)
    attempt("stop", fn -> GenServer.stop({:server, unknown_node()}) end)
    attempt("cast", fn -> GenServer.cast({:server, unknown_node()}, :hi) end)
  end

  scenario "a call from a node that is not alive exits with nodedown", alive: false do
    attempt("call", fn -> GenServer.call({:server, :kate@localhost}, :hi) end)
    attempt("cast", fn -> GenServer.cast({:server, :kate@localhost}, :hi) end)
    attempt("whereis", fn -> GenServer.whereis({:server, :kate@localhost}) end)
  end

  scenario "a call exits with nodedown when its connection is lost" do
    pid = started_on(:kate, :ok, [])
    trace("pid", pid)
    main = self()

    spawn(fn ->
      attempt("call", fn -> GenServer.call(pid, :hold, :infinity) end)
      send(main, :done)
    end)

    expect(:held)
    part(:kate)
    expect(:done)
    # The server is still running.
    trace("said", GenServer.call(pid, :said, 60_000))
  end

  scenario "a server on another node is called by pid and by name" do
    pid = started_on(:kate, :ok, name: :server)
    server = {:server, node(pid)}
    trace("say", GenServer.call(server, {:say, :one}))
    GenServer.cast(server, :two)
    trace_next("cast")
    trace("said", GenServer.call(pid, :said))
    trace("whereis", GenServer.whereis(server))
    trace("stop", GenServer.stop(server))
    trace_next("terminate")
    attempt("gone", fn -> GenServer.call(server, :said, 60_000) end)
  end

  scenario "a call exits at its timeout; a late reply is dropped" do
    pid = started()
    trace("pid", pid)
    attempt("call", fn -> GenServer.call(pid, :hold, 10) end)
    {:held, from} = expect(:held)
    trace("reply", GenServer.reply(from, :late))
    # A later message arrives, and the reply has not arrived before it.
    send(self(), :marker)
    trace_next("next")
  end

  scenario "a late reply from another node is dropped" do
    pid = started_on(:kate, :ok, [])
    trace("pid", pid)
    attempt("call", fn -> GenServer.call(pid, :hold, 10) end)
    {:held, from} = expect(:held)
    on(:kate, :reply_late, [from, self()])

    trace_next("next")
  end

  scenario "a server that calls itself exits at once" do
    pid = started(:ok, name: :server)
    trace("pid", pid)
    trace("by pid", GenServer.call(pid, {:call, pid, :hi}))
    trace("by name", GenServer.call(pid, {:call, :server, :hi}))
    trace("by node", GenServer.call(pid, {:call, {:server, node()}, :hi}))
    attempt("stop of oneself", fn -> GenServer.stop(self()) end)
  end

  scenario "the caller exits with the reason of the server" do
    for reason <- [:normal, :shutdown, {:shutdown, :why}, :oops] do
      pid = started()
      trace("pid", pid)
      attempt("call", fn -> GenServer.call(pid, {:stop, reason}) end)
      trace_next("terminate")
    end
  end

  scenario "an error or exit of terminate is the reason, a throw is not" do
    for how <- [:raise, :exit, :throw] do
      pid = started()
      trace("monitor", [pid, Process.monitor(pid)])
      attempt("call", fn -> GenServer.call(pid, {:stop, {:shutdown, how}}) end)
      trace("down", expect(:DOWN))
    end
  end

  scenario "terminate, the reply and the DOWN come in this order" do
    pid = started()
    main = self()
    trace("monitor", {:monitored, pid, Process.monitor(pid)})
    spawn(fn -> send(main, {:replied, GenServer.call(pid, {:stop, {:shutdown, :hold}, :bye})}) end)
    trace_next("first")
    trace_nothing("until it has run")
    send(pid, :go)
    messages = [next(), next()]
    trace("replied", List.keyfind(messages, :replied, 0))
    trace("down", List.keyfind(messages, :DOWN, 0))
  end

  scenario "an error, exit or throw of a callback ends the server" do
    for request <- [{:raise, "boom"}, {:exit, :oops}, {:throw, :up}, {:give, :nonsense}] do
      pid = started()
      GenServer.call(pid, {:say, :before})
      trace("monitor", {:monitored, pid, Process.monitor(pid)})
      attempt("call", fn -> GenServer.call(pid, request) end)
      trace("terminate", expect(:terminate))
      trace("down", expect(:DOWN))
    end
  end

  scenario "a thrown result is a result" do
    pid = started()
    state = %{main: self(), said: [:thrown]}
    trace("call", GenServer.call(pid, {:throw, {:reply, :thrown, state}}))
    trace("said", GenServer.call(pid, :said))
  end

  scenario "an unhandled call or cast ends the server" do
    {:ok, pid} = GenServer.start(Bare, nil)
    send(pid, :hello)
    ref = Process.monitor(pid)

    failed =
      try do
        GenServer.call(pid, :hello)
      catch
        :exit, {{%RuntimeError{}, _}, {GenServer, :call, _}} -> :raised
      end

    trace("call", failed)
    trace("down", elem(expect(:DOWN), 1) == ref)
    {:ok, other} = GenServer.start(Bare, nil)
    ref = Process.monitor(other)
    GenServer.cast(other, :hello)
    trace("down", elem(expect(:DOWN), 1) == ref)
  end

  scenario "start_link when init stops, fails or is invalid" do
    Process.flag(:trap_exit, true)

    for how <- [
          {:stop, :full},
          {:stop, :normal},
          {:stop, {:shutdown, :why}},
          {:exit, :oops},
          {:raise, "boom"},
          {:throw, :up},
          {:give, :nonsense}
        ] do
      trace("start", start_link(how, name: :server))
      trace("name", Process.whereis(:server))
    end

    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a starter exits with a server that fails to start" do
    main = self()
    pid = spawn(fn -> GenServer.start_link(__MODULE__, {main, {:stop, :full}}) && forever() end)
    trace("linked", reason_of(pid))
    pid = spawn(fn -> trace("start", GenServer.start(__MODULE__, {main, {:stop, :full}})) end)
    trace("not linked", reason_of(pid))
  end

  scenario "ignore" do
    Process.flag(:trap_exit, true)
    trace("start_link", start_link(:ignore, name: :server))
    trace("start", start(:ignore))
    trace("name", Process.whereis(:server))
    send(self(), :marker)
    trace_next("mail")
    Process.flag(:trap_exit, false)
    trace("not trapping", start_link(:ignore))
  end

  scenario "init that takes too long" do
    trace("start_link", start_link(:hang, timeout: 10, name: :server))
    {:hanging, pid} = expect(:hanging)
    trace("reason", reason_of(pid))
    trace("name", Process.whereis(:server))
    trace("start", start(:hang, timeout: 10))
    expect(:hanging)
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a server that is killed in its init" do
    Process.flag(:trap_exit, true)
    main = self()
    spawn(fn -> send(main, {:gave, GenServer.start(__MODULE__, {main, :hang})}) end)
    {:hanging, pid} = expect(:hanging)
    Process.exit(pid, :kill)
    trace("start", expect(:gave))
  end

  scenario "a start under a registered name" do
    {:ok, pid} = start(:ok, name: :server)
    trace("pid", pid)
    trace("start", start(:ok, name: :server))
    trace("start_link", start_link({:stop, :never}, name: :server))
    trace("whereis", GenServer.whereis(:server) == pid)
    trace("whereis pid", GenServer.whereis(pid) == pid)
    trace("whereis here", GenServer.whereis({:server, node()}) == pid)
    trace("whereis nobody", GenServer.whereis(:nobody))
  end

  scenario "handle_continue runs before the mailbox, repeatedly" do
    pid = started({:early, :first})
    trace("say", GenServer.call(pid, {:say, :hi}))
    for n <- 1..3, do: trace_next("told #{n}")
    trace("call", GenServer.call(pid, {:continue, :reply, :again}))
    trace_next("after the reply")
  end

  scenario "a continue of init that raises does so after the start" do
    Process.flag(:trap_exit, true)
    {:ok, pid} = start_link({:continue, {:raise, "boom"}})
    trace("pid", pid)
    trace_next("first")
    trace_next("second")
  end

  scenario "a timeout is a message, unless another comes before" do
    pid = started({:timeout, 1})
    trace_next("of init")
    trace("call", GenServer.call(pid, {:timeout, :reply, 60_000}))
    send(pid, :other)
    trace_next("other")
    trace("call", GenServer.call(pid, {:timeout, :reply, 0}))
    trace_next("at once")
    trace("said", GenServer.call(pid, :said))
  end

  scenario "the starter's exit runs terminate if exits are trapped" do
    main = self()

    for how <- [:ok, :trap], reason <- [:shutdown, :oops, :normal] do
      starter =
        spawn(fn ->
          {:ok, pid} = GenServer.start_link(__MODULE__, {main, how})
          send(main, {:started, pid})
          receive do: (:end -> exit(reason))
        end)

      {:started, pid} = expect(:started)
      Process.monitor(pid)
      send(starter, :end)

      if how == :ok and reason == :normal do
        reason_of(starter)
        trace("lives on", GenServer.call(pid, {:say, :alive}))
      else
        if how == :trap, do: trace("terminate", expect(:terminate))
        trace("down", elem(expect(:DOWN), 4))
      end
    end
  end

  scenario "an exit of another process is a message if trapped" do
    pid = started(:trap)
    main = self()
    other = spawn(fn -> Process.link(pid) && send(main, :linked) && receive(do: (:end -> exit(:oops))) end)
    trace("other", other)
    expect(:linked)
    send(other, :end)
    trace_next("linked")
    Process.exit(pid, :please)
    trace("signal", elem(next(), 1) |> elem(2))
    trace("said", length(GenServer.call(pid, :said)))
  end

  scenario "a message that looks like the starter's EXIT ends it" do
    {:ok, pid} = start_link(:ok)
    ref = Process.monitor(pid)
    send(pid, {:EXIT, self(), :normal})
    trace_next("terminate")
    trace("down", expect(:DOWN) |> elem(4))
    Process.demonitor(ref)
    {:ok, other} = start(:ok)
    send(other, {:EXIT, self(), :normal})
    trace("not linked", elem(elem(next(), 1), 2))
  end

  scenario "stop comes after earlier messages, for any reason" do
    for reason <- [:normal, :shutdown, {:shutdown, :why}, :oops] do
      pid = started(:ok, name: :server)
      GenServer.cast(:server, :before)
      trace("stop", GenServer.stop(:server, reason))
      trace_next("cast")
      trace_next("terminate")
      trace("name", Process.whereis(:server))
      trace("alive", Process.alive?(pid))
    end
  end

  scenario "stop of a missing, slow or otherwise exiting server" do
    dead = spawn(fn -> :ok end)
    reason_of(dead)
    attempt("pid", fn -> GenServer.stop(dead) end)
    attempt("name", fn -> GenServer.stop(:nobody, :shutdown, 60_000) end)
    main = self()

    busy =
      spawn(fn ->
        send(main, :ready)
        forever()
      end)

    expect(:ready)
    trace("busy", busy)
    attempt("too long", fn -> GenServer.stop(busy, :normal, 10) end)
    trace("alive", Process.alive?(busy))
    pid = started()
    trace("pid", pid)
    GenServer.cast(pid, {:stop, :other})
    attempt("otherwise", fn -> GenServer.stop(pid) end)
  end

  scenario "another process may reply, and only the first counts" do
    pid = started()
    main = self()
    spawn(fn -> send(main, {:got, GenServer.call(pid, :hold)}) end)
    {:held, from} = expect(:held)
    spawn(fn -> trace("reply", GenServer.reply(from, :helped)) && send(main, :replied) end)
    expect(:replied)
    trace("got", expect(:got))
    trace("again", GenServer.reply(from, :again))
    trace("twice", GenServer.call(pid, {:twice, :first}))
    trace("said", GenServer.call(pid, :said))
  end

  scenario "a reply may come from another node" do
    pid = started()
    main = self()
    spawn(fn -> send(main, {:got, GenServer.call(pid, :hold, 60_000)}) end)
    {:held, from} = expect(:held)
    Node.spawn(peer(:kate), __MODULE__, :reply_with_node, [from])
    trace("got", expect(:got))
  end

  scenario "a server does not notice that a caller has exited" do
    pid = started()
    caller = spawn(fn -> GenServer.call(pid, :hold, :infinity) end)
    {:held, from} = expect(:held)
    Process.exit(caller, :kill)
    trace("reply", GenServer.reply(from, :late))
    trace("said", GenServer.call(pid, :said))
  end

  scenario "a cast to an unregistered name is ok" do
    dead = spawn(fn -> :ok end)
    reason_of(dead)
    trace("pid", GenServer.cast(dead, :hi))
    trace("name", GenServer.cast(:nobody, :hi))
    trace("here", GenServer.cast({:nobody, node()}, :hi))
    trace("there", GenServer.cast({:nobody, peer(:kate)}, :hi))
  end

  scenario "multi_call returns replies, and nodes without a reply" do
    kate = peer(:kate)
    moebi = peer(:moebi)
    {:ok, _} = start(:ok, name: :server)
    started_on(:kate, :ok, name: :server)
    nodes = [kate, unknown_node(), node(), moebi]
    {replies, bad} = GenServer.multi_call(nodes, :server, {:say, :hi}, 60_000)
    trace("replies", for({node, reply} <- Enum.sort(replies), do: {:reply, node, reply}))
    trace("bad", Enum.sort(bad))
    # Without nodes, all connected nodes.
    {replies, bad} = multi_call_all(:said)
    trace("replies", for({node, reply} <- Enum.sort(replies), do: {:reply, node, reply}))
    trace("bad", Enum.sort(bad))
    {replies, bad} = GenServer.multi_call([node(), kate], :server, {:stop, :oops})
    trace("ended", {:gave, replies, Enum.sort(bad)})
  end

  scenario "multi_call stops at its timeout; late replies drop" do
    {:ok, pid} = start(:ok, name: :server)
    {replies, bad} = GenServer.multi_call([node()], :server, :hold, 10)
    trace("gave", {:gave, replies, bad})
    {:held, from} = expect(:held)
    GenServer.reply(from, :late)
    trace("said", GenServer.call(pid, :said))
    send(self(), :marker)
    trace_next("next")
  end

  scenario "abcast sends to the servers of all connected nodes" do
    kate = peer(:kate)
    {:ok, _} = start(:ok, name: :server)
    started_on(:kate, :ok, name: :server)
    trace("nodes", GenServer.abcast([kate, unknown_node(), node()], :server, :one))
    trace("told", [next(), next()])
    trace("all", abcast_all(:two))
    trace("told", [next(), next()])
  end

  scenario "a name in a registry" do
    {:ok, _} = Registry.start_link(keys: :unique, name: Conformance.Names)
    name = {:via, Registry, {Conformance.Names, "server"}}
    trace("whereis", GenServer.whereis(name))
    {:ok, pid} = start(:ok, name: name)
    trace("pid", pid)
    trace("taken", start(:ok, name: name))
    trace("say", GenServer.call(name, {:say, :one}))
    GenServer.cast(name, :two)
    GenServer.cast(pid, :three)
    trace("said", GenServer.call(name, :said))
    for n <- 1..2, do: trace_next("told #{n}")
    trace("whereis", GenServer.whereis(name) == pid)
    trace("by itself", GenServer.call(pid, {:call, name, :hi}) |> elem(0))
    trace("stop", GenServer.stop(name))
    trace_next("terminate")
    trace("cast", GenServer.cast(name, :hi))

    for call <- [fn -> GenServer.call(name, :hi) end, fn -> GenServer.stop(name) end] do
      reason =
        try do
          call.()
        catch
          :exit, {reason, {GenServer, function, _}} -> {:failed, reason, function}
          :exit, reason -> reason
        end

      trace("gone", reason)
    end

    trace("again", elem(start({:stop, :full}, name: name), 1))
    trace("free", GenServer.whereis(name))
  end

  scenario "a global name" do
    kate = peer(:kate)
    Node.connect(kate)
    :global.sync()
    name = {:global, :server}
    trace("whereis", GenServer.whereis(name))
    attempt("nobody", fn -> GenServer.call(name, :hi) end)
    trace("cast", GenServer.cast(name, :hi))
    pid = started_on(:kate, :ok, name: name)
    trace("pid", pid)
    trace("taken", start(:ok, name: name))
    trace("say", GenServer.call(name, {:say, :one}))
    GenServer.cast(name, :two)
    GenServer.cast(pid, :three)
    trace("said", GenServer.call(name, :said))
    for n <- 1..2, do: trace_next("told #{n}")
    trace("stop", GenServer.stop(name))
    trace_next("terminate")
  end

  scenario "a server's name is free when its exit is reported" do
    for n <- 1..3 do
      {:ok, pid} = start(:ok, name: :server)
      ref = Process.monitor(pid)
      GenServer.cast(:server, {:stop, {:shutdown, n}})
      trace("terminate", expect(:terminate))

      receive do
        {:DOWN, ^ref, _, _, reason} -> trace("down", reason)
      end
    end
  end

  scenario "a supervisor's child restarts with its first argument" do
    main = self()

    {:ok, sup} =
      Supervisor.start_link(
        [%{id: :server, start: {GenServer, :start_link, [__MODULE__, {main, :ok}, [name: :server]]}}],
        strategy: :one_for_one
      )

    trace("say", GenServer.call(:server, {:say, :one}))
    attempt("ends", fn -> GenServer.call(:server, {:stop, :shutdown}) end)
    trace_next("terminate")
    [{id, pid, type, _}] = Supervisor.which_children(sup)
    trace("child", {:child, id, type, Process.whereis(:server) == pid})
    trace("said", GenServer.call(:server, :said))
    trace("stop", Supervisor.stop(sup))
  end
end
