defmodule Conformance.Nodes do
  use Conformance

  def nothing, do: :ok

  def peers, do: Enum.sort(Node.list())
  def ping(node), do: Node.ping(node)

  def link_and_greet(main) do
    spawn(fn ->
      Process.link(main)
      send(main, {:hello, self()})
      forever()
    end)
  end

  scenario "not alive, a node has no name and no peers, and does not connect", alive: false do
    trace("self", node())
    trace("alive", Node.alive?())
    trace("list", Node.list())
    trace("ping", Node.ping(unknown_node()))
    trace("ping itself", Node.ping(node()))
    trace("connect", Node.connect(unknown_node()))
    trace("disconnect", Node.disconnect(unknown_node()))
    attempt("monitor", fn -> Node.monitor(unknown_node(), true) end)
  end

  scenario "not alive, a process on another node sends noconnection", alive: false do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(unknown_node(), Conformance, :forever, [])
    trace("exit", [expect(:EXIT), pid])
    {pid, ref} = Node.spawn_monitor(unknown_node(), Conformance, :forever, [])
    trace("down", [expect(:DOWN), ref, pid])
    attempt("sent", fn -> send({:clerk, unknown_node()}, :hello) && :sent end)
    attempt("here", fn -> send({:nobody, node()}, :hello) && :sent end)
  end

  scenario "not alive, a process on the own node is a local one", alive: false do
    main = self()
    pid = Node.spawn(node(), fn -> send(main, {:hello, self(), node()}) end)
    trace("pid", [pid, node(pid)])
    trace_next("got")
    Process.register(self(), :clerk)
    send({:clerk, node()}, :by_name)
    trace_next("got")
    trace("monitor", [Process.monitor({:nobody, node()}), expect(:DOWN)])
  end

  scenario "an unknown node cannot be reached" do
    trace("ping", Node.ping(unknown_node()))
    trace("connect", Node.connect(unknown_node()))
    trace("disconnect", Node.disconnect(unknown_node()))
    trace("list", Node.list())
  end

  scenario "a node connects, is listed, and disconnects" do
    kate = peer(:kate)
    trace("before", Node.list())
    trace("connect", Node.connect(kate))
    trace("again", Node.connect(kate))
    trace("list", Node.list())
    trace("there", on(:kate, :peers))
    trace("disconnect", Node.disconnect(kate))
    trace("list", Node.list())
    trace("disconnect again", Node.disconnect(kate))
  end

  scenario "a node knows itself" do
    trace("self", node())
    trace("alive", Node.alive?())
    trace("ping", Node.ping(node()))
    trace("connect", Node.connect(node()))
    trace("list", Node.list())
  end

  scenario "the first use connects, also after a lost connection" do
    kate = peer(:kate)

    for use <- [:send, :monitor, :spawn] do
      case use do
        :send -> send({:nobody, kate}, :hello)
        :monitor -> Process.monitor({:nobody, kate}) && expect(:DOWN)
        :spawn -> reason_of(Node.spawn(kate, __MODULE__, :nothing, []))
      end

      if use == :send, do: Node.ping(kate)
      trace(use, connected_nodes())
      part(:kate)
      trace("parted", connected_nodes())
    end
  end

  scenario "visible nodes connect to the peers of their peers" do
    kate = peer(:kate)
    moebi = peer(:moebi)
    :net_kernel.monitor_nodes(true)
    on(:kate, :ping, [moebi])
    trace("list", Node.list())
    Node.ping(kate)
    for _ <- 1..2, do: expect(:nodeup)
    trace("list", Enum.sort(Node.list()))
    wait_for_peers(:kate, 2)
    trace("kate", on(:kate, :peers))
    wait_for_peers(:moebi, 2)
    trace("moebi", on(:moebi, :peers))
  end

  defp wait_for_peers(name, count) do
    if length(on(name, :peers)) < count, do: wait_for_peers(name, count)
  end

  scenario "each monitor of a node sends one nodedown" do
    kate = peer(:kate)
    Node.ping(kate)
    trace("monitor", Node.monitor(kate, true))
    Node.monitor(kate, true)
    Node.monitor(kate, true)
    trace("taken back", Node.monitor(kate, false))
    part(:kate)
    trace_next("got")
    trace_next("got")
    trace_nothing("then")
    Node.ping(kate)
    part(:kate)
    trace_nothing("then")
  end

  scenario "a monitor of an unknown node sends nodedown" do
    trace("monitor", Node.monitor(unknown_node(), true))
    trace_next("got")
    trace("taken back", Node.monitor(unknown_node(), false))
    trace_nothing("then")
  end

  scenario "monitoring a node connects to it" do
    kate = peer(:kate)
    Node.monitor(kate, true)
    Node.ping(kate)
    trace("list", connected_nodes())
    part(:kate)
    trace_next("got")
  end

  scenario "nodeup comes before a node's signals, nodedown after" do
    Process.flag(:trap_exit, true)
    main = self()
    kate = peer(:kate)
    :net_kernel.monitor_nodes(true)

    pid = on(:kate, :link_and_greet, [main])
    trace_next("first")
    trace_next("second")
    ref = Process.monitor(pid)
    Process.unlink(pid)
    Node.disconnect(kate)
    trace("down", [next(), ref])
    trace_next("last")
    :net_kernel.monitor_nodes(false)
  end

  scenario "nodedown arrives after links' and monitors' signals" do
    Process.flag(:trap_exit, true)
    kate = peer(:kate)
    pid = Node.spawn_link(kate, Conformance, :forever, [])
    refs = for _ <- 1..2, do: Process.monitor(pid)
    trace("pid", [pid | refs])
    Node.monitor(kate, true)
    Node.disconnect(kate)
    got = for _ <- 1..3, do: elem(next(), 0)
    trace("first", Enum.sort(got))
    trace_next("last")
  end

  scenario "a process stops monitoring nodes" do
    kate = peer(:kate)
    :net_kernel.monitor_nodes(true)
    Node.ping(kate)
    trace_next("got")
    :net_kernel.monitor_nodes(false)
    part(:kate)
    trace_nothing("then")
  end

  scenario "monitoring nodes twice sends each event twice" do
    kate = peer(:kate)
    :net_kernel.monitor_nodes(true)
    :net_kernel.monitor_nodes(true)
    Node.ping(kate)
    trace_next("got")
    trace_next("got")
    trace_nothing("then")
    :net_kernel.monitor_nodes(false)
    part(:kate)
    trace_nothing("then")
    :net_kernel.monitor_nodes(false)
  end

  scenario "a killed node goes down, and restarts under its name" do
    Node.ping(peer(:victim))
    :net_kernel.monitor_nodes(true)
    kill_node(:victim)
    trace_next("got")
    trace("list", Node.list())
    trace("ping", Node.ping(:victim@localhost))
    trace("ping", Node.ping(peer(:victim)))
    trace_next("got")
    trace("list", Node.list())
    kill_node(:victim)
    trace_next("got")
  end

  scenario "the node monitors of an exited process end" do
    kate = peer(:kate)
    main = self()
    Node.ping(kate)

    {pid, ref} =
      spawn_monitor(fn ->
        Node.monitor(kate, true)
        send(main, :monitoring)
      end)

    expect(:monitoring)
    trace("down", [expect(:DOWN), ref, pid])
    part(:kate)
    trace_nothing("then")
  end
end
