defmodule Conformance.Links do
  use Conformance

  # Exits with the reason that it receives.
  def obedient, do: receive(do: ({:exit, reason} -> exit(reason)))

  # Executes requests, and reports when each is done.
  def puppet do
    receive do
      {:do, to, what, args} ->
        deed(what, args)
        send(to, :done)
    end

    puppet()
  end

  defp deed(:nothing, []), do: :ok
  defp deed(:link, [pid]), do: Process.link(pid)
  defp deed(:unlink, [pid]), do: Process.unlink(pid)
  defp deed(:exit, [reason]), do: exit(reason)
  defp deed(:trace_exit, []), do: trace("there", expect(:EXIT))
  defp deed(:trace_alive, []), do: trace("there", :alive)

  defp deed(:trap_and_link, [pid]) do
    Process.flag(:trap_exit, true)
    Process.link(pid)
  end

  defp order(pid, what, args), do: send(pid, {:do, self(), what, args})

  defp tell(pid, what, args \\ []) do
    order(pid, what, args)
    expect(:done)
  end

  def nothing, do: :ok

  def trace_end(main) do
    Process.flag(:trap_exit, true)
    send(main, :ready)
    message = expect(:EXIT)
    expect(:report)
    trace("there", [message, main])
  end

  scenario "an exit passes over a link, to a trapper as a message" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> exit(:oops) end)
    trace("linked", pid)
    trace_next("got")
  end

  scenario "linking twice makes one link" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> obedient() end)
    trace("again", Process.link(pid))
    send(pid, {:exit, :once})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "one unlink ends a link that both ends have made" do
    main = self()
    pid = spawn(&puppet/0)
    Process.link(pid)
    tell(pid, :link, [main])
    Process.unlink(pid)
    ref = Process.monitor(pid)
    order(pid, :exit, [:alone])
    trace("down", [expect(:DOWN), ref])
    trace("alive", Process.alive?(self()))
  end

  scenario "after an unlink the other's exit does not arrive" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> obedient() end)
    trace("unlinked", Process.unlink(pid))
    ref = Process.monitor(pid)
    send(pid, {:exit, :alone})
    trace_next("got")
    trace("monitor", [pid, ref])
    trace_nothing("then")
  end

  scenario "unlink of a process that is not linked returns true" do
    pid = spawn(&forever/0)
    trace("stranger", Process.unlink(pid))
    Process.exit(pid, :kill)
    reason_of(pid)
    trace("dead", Process.unlink(pid))
    trace("self", Process.unlink(self()))
  end

  scenario "an EXIT that has arrived stays after an unlink" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> obedient() end)
    ref = Process.monitor(pid)
    send(pid, {:exit, :before})
    expect(:DOWN)
    # The order of these two signals is not guaranteed.
    exit_message = expect(:EXIT)
    send(self(), exit_message)
    Process.unlink(pid)
    trace("link and monitor", [pid, ref])
    trace_next("got")
  end

  scenario "a link of a process to itself does nothing" do
    trace("linked", Process.link(self()))
    Process.flag(:trap_exit, true)
    send(self(), :marker)
    trace_next("got")
  end

  scenario "a link to a dead process raises, or sends EXIT, noproc" do
    pid = spawn(fn -> :ok end)
    reason_of(pid)
    trace("dead", pid)
    attempt("untrapped", fn -> Process.link(pid) end)
    Process.flag(:trap_exit, true)
    attempt("trapped", fn -> Process.link(pid) end)
    trace_next("got")
  end

  scenario "a link to another node's dead process sends noproc" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn(peer(:kate), __MODULE__, :nothing, [])
    reason_of(pid)
    trace("dead", pid)
    attempt("trapped", fn -> Process.link(pid) end)
    trace_next("got")
    {linker, ref} = spawn_monitor(fn -> Process.link(pid) && forever() end)
    trace("untrapped", [linker, ref])
    trace_next("got")
  end

  scenario "a link ends with noconnection when its node is killed" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:victim), Conformance, :forever, [])
    trace("linked", pid)
    kill_node(:victim)
    trace_next("got")
    trace("again", Process.link(pid))
    trace_next("got")
  end

  scenario "both ends receive noconnection when disconnected" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :trace_end, [self()])
    expect(:ready)
    ref = Process.monitor(pid)
    part(:kate)
    trace("here", [expect(:EXIT), pid])
    trace("down", [expect(:DOWN), ref])
    ref = Process.monitor(pid)
    send(pid, :report)
    trace("reconnected", [expect(:DOWN), ref])
  end

  scenario "noconnection ends a process that does not trap exits" do
    main = self()

    {pid, ref} =
      spawn_monitor(fn ->
        Node.spawn_link(peer(:kate), Conformance, :forever, [])
        send(main, :linked)
        forever()
      end)

    expect(:linked)
    part(:kate)
    trace("linked", [pid, ref])
    trace_next("got")
  end

  scenario "an exit reason passes along a chain of links" do
    Process.flag(:trap_exit, true)
    main = self()

    first =
      spawn_link(fn ->
        second =
          spawn_link(fn ->
            third = spawn_link(fn -> obedient() end)
            send(main, {:chain, self(), third})
            forever()
          end)

        send(main, {:first, second})
        forever()
      end)

    {:chain, second, third} = expect(:chain)
    refs = for pid <- [second, third], do: Process.monitor(pid)
    trace("chain", [first, second, third | refs])
    send(third, {:exit, :end})
    for ref <- refs, do: trace("down", receive(do: ({:DOWN, ^ref, _, _, _} = down -> down)))
    trace("exit", expect(:EXIT))
  end

  scenario "a process linked to ones that exit normally goes on" do
    Process.flag(:trap_exit, true)
    main = self()

    middle =
      spawn_link(fn ->
        pid = spawn_link(fn -> obedient() end)
        ref = Process.monitor(pid)
        send(pid, {:exit, :normal})
        send(main, {:down, receive(do: ({:DOWN, ^ref, _, _, reason} -> reason))})
        obedient()
      end)

    trace("last", expect(:down))
    trace("middle", [middle, Process.alive?(middle)])
    send(middle, {:exit, :normal})
    trace_next("got")
  end

  scenario "a new link holds before the unlink is acknowledged" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :obedient, [])
    Process.unlink(pid)
    Process.link(pid)
    trace("linked", pid)
    send(pid, {:exit, :once})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "after unlink, link and unlink, no exit is received" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :obedient, [])
    Process.unlink(pid)
    Process.link(pid)
    Process.unlink(pid)
    ref = Process.monitor(pid)
    trace("monitor", [pid, ref])
    send(pid, {:exit, :alone})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "when one end has unlinked, the other can link anew" do
    main = self()

    linker =
      spawn(fn ->
        Process.flag(:trap_exit, true)
        pid = Node.spawn_link(peer(:kate), __MODULE__, :puppet, [])
        Process.unlink(pid)
        tell(pid, :nothing)
        tell(pid, :trap_and_link, [self()])
        send(main, {:ready, pid})
        obedient()
      end)

    {:ready, pid} = expect(:ready)
    trace("pair", [linker, pid])
    send(linker, {:exit, :goodbye})
    tell(pid, :trace_exit)
  end

  scenario "when both ends unlink at once, a later link holds" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), __MODULE__, :puppet, [])
    order(pid, :unlink, [self()])
    Process.unlink(pid)
    expect(:done)
    Process.link(pid)
    trace("linked", pid)
    order(pid, :exit, [:held])
    trace_next("got")
  end

  scenario "after the other node's unlink, no exit arrives there" do
    main = self()
    pid = Node.spawn(peer(:kate), __MODULE__, :puppet, [])

    linker =
      spawn(fn ->
        Process.link(pid)
        send(main, :linked)
        obedient()
      end)

    expect(:linked)
    tell(pid, :unlink, [linker])
    ref = Process.monitor(linker)
    send(linker, {:exit, :alone})
    trace("here", [expect(:DOWN), ref])
    tell(pid, :trace_alive)
  end

  scenario "a link to an older incarnation of a node sends noproc" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn(peer(:victim), Conformance, :forever, [])
    trace("old", pid)
    kill_node(:victim)
    Node.spawn(peer(:victim), Conformance, :forever, [])
    trace("linked", Process.link(pid))
    trace_next("got")
    kill_node(:victim)
  end
end
