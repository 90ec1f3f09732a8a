defmodule Conformance.Signals do
  use Conformance

  # Forwards its messages to the trace, in the order of its mailbox; it traps exits.
  def record(name) do
    Process.flag(:trap_exit, true)
    send_ready()
    record_on(name)
  end

  defp send_ready, do: receive(do: ({:ready, to} -> send(to, :ready)))

  defp record_on(name) do
    receive do
      {:sync, to} -> send(to, :synced)
      message -> trace(name, message)
    end

    record_on(name)
  end

  defp start_recorder(node) do
    pid = Node.spawn(node, Conformance.Signals, :record, ["recorded"])
    send(pid, {:ready, self()})
    expect(:ready)
    pid
  end

  defp sync(pid) do
    send(pid, {:sync, self()})
    expect(:synced)
  end

  def clerk(main) do
    Process.register(self(), :clerk)
    send(main, {:alias, Process.alias()})
    for _ <- 1..6, do: trace("recorded", next())
    send(main, :done)
  end

  def talk_and_end(main, reason) do
    expect(:go)
    send(main, :a)
    send(main, :b)
    exit(reason)
  end

  def tell_leader(main) do
    for _ <- 1..2 do
      expect(:tell)
      send(main, {:leader, Process.group_leader()})
    end
  end

  def measure(main) do
    for _ <- 1..5 do
      receive do
        text when is_binary(text) -> send(main, byte_size(text))
        number -> send(main, number)
      end
    end
  end

  def count(main, name), do: for(n <- 1..1000, do: send(main, {name, n}))

  def say_last(main) do
    expect(:go)
    send(main, :last)
    exit(:late)
  end

  # A process of kate that forwards its first message.
  def start_teller(main) do
    spawn(fn ->
      Process.register(self(), :teller)
      send(main, :ready)
      send(main, {:got, next()})
    end)
  end

  scenario "messages and exit signals keep their order on one node" do
    pid = start_recorder(node())
    trace("me", self())
    send(pid, :a)
    Process.exit(pid, :b)
    send(pid, :c)
    Process.exit(pid, :normal)
    send(pid, :d)
    sync(pid)
  end

  scenario "messages and exit signals keep their order between nodes" do
    pid = start_recorder(peer(:kate))
    trace("me", self())
    send(pid, :a)
    Process.exit(pid, :b)
    send(pid, :c)
    Process.exit(pid, :normal)
    send(pid, :d)
    sync(pid)
  end

  scenario "pids, names and aliases keep order between nodes" do
    kate = peer(:kate)
    pid = Node.spawn(kate, __MODULE__, :clerk, [self()])

    {:alias, address} = expect(:alias)
    send(pid, 1)
    send(address, 2)
    send({:clerk, kate}, 3)
    send(address, 4)
    send(pid, 5)
    send({:clerk, kate}, 6)
    expect(:done)
  end

  scenario "pids, names and aliases keep order on one node" do
    pid = spawn(__MODULE__, :clerk, [self()])

    {:alias, address} = expect(:alias)
    send(pid, 1)
    send(address, 2)
    send(:clerk, 3)
    send(address, 4)
    send({:clerk, node()}, 5)
    send(pid, 6)
    expect(:done)
  end

  scenario "a process's messages come before its EXIT and DOWN" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(__MODULE__, :talk_and_end, [self(), :normal])

    ref = Process.monitor(pid)
    trace("monitor", [pid, ref])
    send(pid, :go)
    trace_next("first")
    trace_next("second")
    # The order of the EXIT and the DOWN of one exit is not guaranteed.
    {:EXIT, ^pid, reason} = expect(:EXIT)
    trace("exit", reason)
    trace("down", expect(:DOWN))
  end

  scenario "messages precede EXIT and DOWN from another node" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :talk_and_end, [self(), :gone])

    ref = Process.monitor(pid)
    trace("monitor", [pid, ref])
    send(pid, :go)
    trace_next("first")
    trace_next("second")
    {:EXIT, ^pid, reason} = expect(:EXIT)
    trace("exit", reason)
    trace("down", expect(:DOWN))
  end

  scenario "a monitor and a link after a kill send noproc" do
    Process.flag(:trap_exit, true)
    pid = spawn(&forever/0)
    Process.exit(pid, :kill)
    ref = Process.monitor(pid)
    trace("down", [expect(:DOWN), ref])
    pid = spawn(&forever/0)
    Process.exit(pid, :kill)
    Process.link(pid)
    trace("exit", [expect(:EXIT), pid])
  end

  scenario "a monitor and a link after a kill to another node send noproc" do
    Process.flag(:trap_exit, true)
    kate = peer(:kate)
    pid = Node.spawn(kate, Conformance, :forever, [])
    Process.exit(pid, :kill)
    ref = Process.monitor(pid)
    trace("down", [expect(:DOWN), ref])
    pid = Node.spawn(kate, Conformance, :forever, [])
    Process.exit(pid, :kill)
    Process.link(pid)
    trace("exit", [expect(:EXIT), pid])
  end

  scenario "a group leader is set before the next message" do
    main = self()

    for node <- [node(), peer(:kate)] do
      pid = Node.spawn(node, __MODULE__, :tell_leader, [main])
      send(pid, :tell)
      {:leader, leader} = expect(:leader)
      trace("inherited", leader == Process.group_leader())
      Process.group_leader(pid, main)
      send(pid, :tell)
      trace_next("then")
      trace("main", main)
    end
  end

  scenario "a large message keeps its position between small ones" do
    pid = Node.spawn(peer(:kate), __MODULE__, :measure, [self()])

    send(pid, 1)
    send(pid, String.duplicate("x", 3_000_000))
    send(pid, 2)
    send(pid, String.duplicate("y", 200_000))
    send(pid, 3)
    for _ <- 1..5, do: trace_next("got")
  end

  scenario "a thousand messages of two senders keep their order" do
    kate = peer(:kate)
    for name <- [:one, :other], do: Node.spawn(kate, __MODULE__, :count, [self(), name])

    got = for _ <- 1..2000, do: next()

    for name <- [:one, :other] do
      numbers = for {^name, n} <- got, do: n
      trace(name, numbers == Enum.to_list(1..1000))
    end
  end

  scenario "after an unlink an exit drops, earlier messages do not" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :say_last, [self()])

    ref = Process.monitor(pid)
    send(pid, :go)
    Process.unlink(pid)
    # It may have arrived just before the unlink.
    receive do: ({:EXIT, ^pid, :late} -> :ok), after: (0 -> :ok)
    trace("first", expect(:last))
    trace("down", [expect(:DOWN), ref])
    send(self(), :marker)
    trace_next("then")
  end

  scenario "send with noconnect makes no connection, but uses one" do
    kate = peer(:kate)
    trace("to none", Process.send({:teller, kate}, 1, [:noconnect]))
    trace("connected", connected_nodes())

    on(:kate, :start_teller, [self()])
    expect(:ready)
    trace("to one", Process.send({:teller, kate}, 2, [:noconnect]))
    trace_next("then")
    trace("both", Process.send({:teller, kate}, 3, [:noconnect, :nosuspend]))
  end

  scenario "send with options to this node" do
    trace("to itself", Process.send(self(), 1, [:noconnect, :nosuspend]))
    trace_next("got")
    trace("without options", Process.send(self(), 2, []))
    trace_next("got")
    attempt("to a name that nobody has", fn -> Process.send(:nobody_here, 1, [:noconnect]) end)
    trace("to an unknown node", Process.send({:teller, unknown_node()}, 1, [:noconnect]))
  end
end
