defmodule Conformance.Spawn do
  use Conformance

  def introduce(main, argument), do: send(main, {:hello, self(), node(), argument})
  def crash(reason), do: exit(reason)
  def raise_error, do: raise("oops")
  def toss, do: throw(:ball)
  def pass_three(main), do: for(_ <- 1..3, do: send(main, {:got, next()}))
  def tell_heard(main), do: send(main, {:child_heard, next(5000)})

  scenario "a process starts on another node with its arguments" do
    pid = Node.spawn(peer(:kate), __MODULE__, :introduce, [self(), %{list: [1, "two"]}])
    trace("pid", pid)
    trace_next("got")
    trace("of", node(pid))
  end

  scenario "a process that starts on its own node by name is local" do
    pid = Node.spawn(node(), __MODULE__, :introduce, [self(), :here])
    trace("pid", pid)
    trace_next("got")
    reason_of(pid)
    trace("alive", Process.alive?(pid))
  end

  scenario "on an unknown node, it returns the pid of no process" do
    pid = Node.spawn(unknown_node(), Conformance, :forever, [])
    trace("pid", [pid, node(pid)])
    attempt("sent", fn -> send(pid, :hello) && :sent end)
    trace("monitor", Process.monitor(pid))
    trace_next("got")
  end

  scenario "a link on an unknown node sends EXIT, noconnection" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(unknown_node(), Conformance, :forever, [])
    trace("pid", [pid, node(pid)])
    trace_next("got")
    trace_nothing("then")
  end

  scenario "a link on an unknown node ends a process without traps" do
    {pid, ref} =
      spawn_monitor(fn ->
        Node.spawn_link(unknown_node(), Conformance, :forever, [])
        forever()
      end)

    trace("down", [expect(:DOWN), ref, pid])
  end

  scenario "a monitor on an unknown node sends noconnection" do
    {pid, ref} = Node.spawn_monitor(unknown_node(), Conformance, :forever, [])
    trace("pid", [pid, ref])
    trace_next("got")
    trace_nothing("then")
  end

  scenario "a down node: links and monitors send noconnection" do
    Process.flag(:trap_exit, true)
    node = peer(:victim)
    Node.ping(node)
    kill_node(:victim)
    pid = Node.spawn_link(node, Conformance, :forever, [])
    trace("exit", [expect(:EXIT), pid])
    {pid, ref} = Node.spawn_monitor(node, Conformance, :forever, [])
    trace("down", [expect(:DOWN), ref, pid])
  end

  scenario "a linked process that exits at once is not noproc" do
    Process.flag(:trap_exit, true)

    for node <- [node(), peer(:kate)] do
      pid = Node.spawn_link(node, __MODULE__, :crash, [:at_once])
      trace("got", [expect(:EXIT), pid])
    end

    pid = spawn_link(__MODULE__, :crash, [:at_once])
    trace("got", [expect(:EXIT), pid])
  end

  scenario "a monitored process that exits at once is not noproc" do
    for node <- [node(), peer(:kate)] do
      {pid, ref} = Node.spawn_monitor(node, __MODULE__, :crash, [:at_once])
      trace("got", [expect(:DOWN), ref, pid])
    end

    {pid, ref} = spawn_monitor(__MODULE__, :crash, [:at_once])
    trace("got", [expect(:DOWN), ref, pid])
  end

  scenario "a failing process sends nothing without a link" do
    for node <- [node(), peer(:kate)] do
      pid = Node.spawn(node, __MODULE__, :raise_error, [])
      reason_of(pid)
      pid = Node.spawn(node, __MODULE__, :toss, [])
      reason_of(pid)
      send(self(), :marker)
      trace_next("got")
    end
  end

  scenario "a missing function, linked",
    difference: [
      row: "undefined-function",
      typescript: ["spawn: raised(undef)", "got: nothing"]
    ] do
    Process.flag(:trap_exit, true)

    attempt("spawn", fn ->
      pid = Node.spawn_link(peer(:kate), __MODULE__, :no_such_function, [])
      is_pid(pid)
    end)

    {:EXIT, _, reason} = next(300) |> then(&if(&1 == :nothing, do: {:EXIT, nil, &1}, else: &1))
    trace("got", reason)
  end

  scenario "messages to a new process keep order from its start" do
    pid = Node.spawn(peer(:kate), __MODULE__, :pass_three, [self()])

    for n <- 1..3, do: send(pid, n)
    for _ <- 1..3, do: trace_next("heard")
  end

  scenario "a linked process exits with its parent" do
    main = self()

    parent =
      spawn(fn ->
        child = Node.spawn_link(peer(:kate), Conformance, :forever, [])
        send(main, {:child, child})
        receive do: ({:exit, reason} -> exit(reason))
      end)

    {:child, child} = expect(:child)
    refs = [Process.monitor(parent), Process.monitor(child)]
    trace("family", [parent, child | refs])
    send(parent, {:exit, :bye})
    for ref <- refs, do: trace("got", receive(do: ({:DOWN, ^ref, _, _, _} = down -> down)))
  end

  scenario "a linked process outlives a parent that exits normally" do
    main = self()

    parent =
      spawn(fn ->
        child = Node.spawn_link(peer(:kate), __MODULE__, :tell_heard, [main])
        send(main, {:child, child})
      end)

    {:child, child} = expect(:child)
    trace("parent", reason_of(parent) in [:normal, :noproc])
    send(child, :hello)
    trace_next("got")
  end
end
