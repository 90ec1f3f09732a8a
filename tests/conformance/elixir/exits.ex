defmodule Conformance.Exits do
  use Conformance

  # Sends its messages to the main process while it is alive.
  defp listener(trap) do
    main = self()

    pid =
      spawn(fn ->
        Process.flag(:trap_exit, trap)
        send(main, :ready)
        listen(main)
      end)

    expect(:ready)
    {pid, Process.monitor(pid)}
  end

  defp listen(main) do
    send(main, {:heard, next(5000)})
    listen(main)
  end

  # Exits with the reason, in the given way, on request.
  def end_by(way, value) do
    expect(:go)

    case way do
      :return -> :ok
      :exit -> exit(value)
      :raise -> raise value
      :throw -> throw(value)
      :exit_self -> Process.exit(self(), value) && forever()
    end
  end

  def trapper(main) do
    Process.flag(:trap_exit, true)
    send(main, :ready)
    forever()
  end

  def hear(main) do
    Process.flag(:trap_exit, true)
    send(main, :ready)
    send(main, {:heard, expect(:EXIT)})
  end

  defp ends(node, ways) do
    Process.flag(:trap_exit, true)

    for {way, value} <- ways do
      pid = Node.spawn_link(node, __MODULE__, :end_by, [way, value])
      send(pid, :go)
      trace("got", [expect(:EXIT), pid])
    end
  end

  defp all_ways do
    [
      {:return, nil},
      {:exit, :normal},
      {:exit, :shutdown},
      {:exit, {:shutdown, :done}},
      {:exit, :kill},
      {:exit, %{code: 1, why: ["a", 2]}},
      {:raise, "oops"},
      {:throw, :ball},
      {:exit_self, :normal},
      {:exit_self, :kill},
      {:exit_self, :oops}
    ]
  end

  scenario "a linked process that traps exits receives the reason of each kind of exit", do: ends(node(), all_ways())

  scenario "a linked process that traps exits receives the reason of each kind of exit on another node" do
    ends(peer(:kate), all_ways())
  end

  scenario "normal from others is ignored unless exits are trapped" do
    {pid, ref} = listener(false)
    Process.exit(pid, :normal)
    send(pid, :hello)
    trace_next("got")
    Process.exit(pid, :kill)
    trace("down", [expect(:DOWN), ref])
  end

  scenario "kill cannot be trapped, and others receive killed" do
    Process.flag(:trap_exit, true)
    {pid, ref} = listener(true)
    Process.link(pid)
    trace("sent", Process.exit(pid, :kill))
    trace("exit", [expect(:EXIT), pid])
    trace("down", [expect(:DOWN), ref])
  end

  scenario "kill cannot be trapped on another node either" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :trapper, [self()])
    expect(:ready)
    trace("sent", Process.exit(pid, :kill))
    trace("exit", [expect(:EXIT), pid])
  end

  scenario "kill from a link ends a process that traps no exits" do
    {pid, ref} = listener(false)

    spawn(fn ->
      Process.link(pid)
      exit(:kill)
    end)

    trace("down", [expect(:DOWN), ref])
  end

  scenario "killed passes over a link as any other reason" do
    Process.flag(:trap_exit, true)
    main = self()

    middle =
      spawn_link(fn ->
        victim = spawn_link(&forever/0)
        send(main, {:victim, victim})
        forever()
      end)

    {:victim, victim} = expect(:victim)
    ref = Process.monitor(victim)
    Process.exit(victim, :kill)
    trace("down", [expect(:DOWN), ref])
    trace("exit", [expect(:EXIT), middle])
  end

  scenario "shutdown ends a process that does not trap exits" do
    main = self()
    trace("main", main)

    for reason <- [:shutdown, {:shutdown, :restart}, :oops] do
      {pid, _} = listener(false)
      Process.exit(pid, reason)
      {:DOWN, _, _, _, reason} = expect(:DOWN)
      trace("down", reason)
      {pid, _} = listener(true)
      Process.exit(pid, reason)
      trace_next("got")
    end
  end

  scenario "an exit signal to itself is a message if trapped" do
    Process.flag(:trap_exit, true)
    trace("me", self())

    for reason <- [:normal, :oops] do
      trace("sent", Process.exit(self(), reason))
      trace_next("got")
    end
  end

  scenario "an exit signal to a dead process does nothing" do
    pid = spawn(fn -> :ok end)
    reason_of(pid)
    trace("sent", Process.exit(pid, :kill))
    trace("sent", Process.exit(pid, :oops))
  end

  scenario "trap_exit returns its old value; trapped exits stay" do
    trace("before", Process.flag(:trap_exit, true))
    trace("before", Process.flag(:trap_exit, true))
    pid = spawn_link(fn -> exit(:oops) end)
    message = expect(:EXIT)
    send(self(), message)
    trace("before", Process.flag(:trap_exit, false))
    trace("pid", pid)
    trace_next("got")
  end

  scenario "a caught exit, raise or throw ends nothing" do
    {pid, ref} =
      spawn_monitor(fn ->
        attempt("exit", fn -> exit(:oops) end)
        attempt("exit normal", fn -> exit(:normal) end)
        attempt("raise", fn -> raise "oops" end)
        attempt("throw", fn -> throw(:ball) end)
      end)

    trace("down", [expect(:DOWN), ref, pid])
  end

  scenario "the parent's exit does not end a child without a link" do
    main = self()

    {parent, ref} =
      spawn_monitor(fn ->
        child = spawn(fn -> listen(main) end)
        send(main, {:child, child})
        exit(:oops)
      end)

    {:child, child} = expect(:child)
    trace("down", [expect(:DOWN), ref, parent])
    send(child, :hello)
    trace_next("got")
  end

  scenario "trap_exit belongs to one process and is not inherited" do
    Process.flag(:trap_exit, true)

    pid =
      spawn_link(fn ->
        spawn_link(fn -> exit(:oops) end)
        forever()
      end)

    trace("got", [expect(:EXIT), pid])
  end

  scenario "an exit signal names its sender, on another node too" do
    main = self()

    pid = Node.spawn(peer(:kate), __MODULE__, :hear, [main])
    expect(:ready)
    trace("main", main)
    Process.exit(pid, :hello)
    trace_next("got")
  end
end
