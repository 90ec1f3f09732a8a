defmodule Conformance.Links do
  use Conformance

  # Exits with the reason that it receives.
  defp obedient, do: receive(do: ({:exit, reason} -> exit(reason)))

  # Executes requests, and reports when each is done.
  defp puppet do
    receive do
      {:do, to, fun} ->
        fun.()
        send(to, :done)
    end

    puppet()
  end

  defp tell(pid, fun) do
    send(pid, {:do, self(), fun})
    expect(:done)
  end

  scenario "links: an exit reason goes over a link, to who traps exits as a message" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> exit(:oops) end)
    trace("linked", pid)
    trace_next("got")
  end

  scenario "links: two links of a pair are one" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> obedient() end)
    trace("again", Process.link(pid))
    send(pid, {:exit, :once})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "links: one unlink ends what both ends have linked" do
    main = self()
    pid = spawn(&puppet/0)
    Process.link(pid)
    tell(pid, fn -> Process.link(main) end)
    Process.unlink(pid)
    ref = Process.monitor(pid)
    send(pid, {:do, self(), fn -> exit(:alone) end})
    trace("down", [expect(:DOWN), ref])
    trace("alive", Process.alive?(self()))
  end

  scenario "links: after an unlink no end of the other one comes" do
    Process.flag(:trap_exit, true)
    pid = spawn_link(fn -> obedient() end)
    trace("unlinked", Process.unlink(pid))
    ref = Process.monitor(pid)
    send(pid, {:exit, :alone})
    trace_next("got")
    trace("monitor", [pid, ref])
    trace_nothing("then")
  end

  scenario "links: an unlink of who is not linked gives true" do
    pid = spawn(&forever/0)
    trace("stranger", Process.unlink(pid))
    Process.exit(pid, :kill)
    reason_of(pid)
    trace("dead", Process.unlink(pid))
    trace("self", Process.unlink(self()))
  end

  scenario "links: an EXIT that has come stays when one unlinks" do
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

  scenario "links: a link to oneself does nothing" do
    trace("linked", Process.link(self()))
    Process.flag(:trap_exit, true)
    send(self(), :marker)
    trace_next("got")
  end

  scenario "links: a link to a dead process of this node raises, or is an EXIT for who traps" do
    pid = spawn(fn -> :ok end)
    reason_of(pid)
    trace("dead", pid)
    attempt("untrapped", fn -> Process.link(pid) end)
    Process.flag(:trap_exit, true)
    attempt("trapped", fn -> Process.link(pid) end)
    trace_next("got")
  end

  scenario "links: a link to a dead process of another node is an EXIT noproc, or the end of who does not trap" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn(peer(:kate), fn -> :ok end)
    reason_of(pid)
    trace("dead", pid)
    attempt("trapped", fn -> Process.link(pid) end)
    trace_next("got")
    {linker, ref} = spawn_monitor(fn -> Process.link(pid) && forever() end)
    trace("untrapped", [linker, ref])
    trace_next("got")
  end

  scenario "links: a link to a process of another node ends with noconnection when that node is killed" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:victim), &forever/0)
    trace("linked", pid)
    kill_node(:victim)
    trace_next("got")
    trace("again", Process.link(pid))
    trace_next("got")
  end

  scenario "links: when nodes part, both ends get noconnection" do
    Process.flag(:trap_exit, true)
    main = self()
    kate = peer(:kate)

    pid =
      Node.spawn_link(kate, fn ->
        Process.flag(:trap_exit, true)
        send(main, :ready)
        message = expect(:EXIT)
        expect(:report)
        trace("there", [message, main])
      end)

    expect(:ready)
    ref = Process.monitor(pid)
    part(:kate)
    trace("here", [expect(:EXIT), pid])
    trace("down", [expect(:DOWN), ref])
    ref = Process.monitor(pid)
    send(pid, :report)
    trace("reconnected", [expect(:DOWN), ref])
  end

  scenario "links: when nodes part, who does not trap exits ends with noconnection" do
    main = self()

    {pid, ref} =
      spawn_monitor(fn ->
        Node.spawn_link(peer(:kate), &forever/0)
        send(main, :linked)
        forever()
      end)

    expect(:linked)
    part(:kate)
    trace("linked", [pid, ref])
    trace_next("got")
  end

  scenario "links: the end of a process goes along a chain of links with its reason" do
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

  scenario "links: a process between who traps and who ends normally goes on" do
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

  scenario "links: a link anew after an unlink holds, before its ack has come" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), fn -> obedient() end)
    Process.unlink(pid)
    Process.link(pid)
    trace("linked", pid)
    send(pid, {:exit, :once})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "links: unlinked, linked and unlinked again, no end comes" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(peer(:kate), fn -> obedient() end)
    Process.unlink(pid)
    Process.link(pid)
    Process.unlink(pid)
    ref = Process.monitor(pid)
    trace("monitor", [pid, ref])
    send(pid, {:exit, :alone})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "links: when one end has unlinked, the other links anew" do
    main = self()

    linker =
      spawn(fn ->
        Process.flag(:trap_exit, true)
        pid = Node.spawn_link(peer(:kate), &puppet/0)
        linker = self()
        Process.unlink(pid)
        tell(pid, fn -> :ok end)

        tell(pid, fn ->
          Process.flag(:trap_exit, true)
          Process.link(linker)
        end)

        send(main, {:ready, pid})
        obedient()
      end)

    {:ready, pid} = expect(:ready)
    trace("pair", [linker, pid])
    send(linker, {:exit, :goodbye})
    send(pid, {:do, self(), fn -> trace("there", expect(:EXIT)) end})
    expect(:done)
  end

  scenario "links: when both ends unlink at once, a link that follows holds" do
    Process.flag(:trap_exit, true)
    main = self()
    pid = Node.spawn_link(peer(:kate), &puppet/0)
    send(pid, {:do, self(), fn -> Process.unlink(main) end})
    Process.unlink(pid)
    expect(:done)
    Process.link(pid)
    trace("linked", pid)
    send(pid, {:do, self(), fn -> exit(:held) end})
    trace_next("got")
  end

  scenario "links: the end of who has been unlinked by the other node is not told there" do
    main = self()
    pid = Node.spawn(peer(:kate), &puppet/0)

    linker =
      spawn(fn ->
        Process.link(pid)
        send(main, :linked)
        obedient()
      end)

    expect(:linked)
    tell(pid, fn -> Process.unlink(linker) end)
    ref = Process.monitor(linker)
    send(linker, {:exit, :alone})
    trace("here", [expect(:DOWN), ref])
    send(pid, {:do, self(), fn -> trace("there", :alive) end})
    expect(:done)
  end

  scenario "links: one that has an older incarnation of a node gets noproc" do
    Process.flag(:trap_exit, true)
    pid = Node.spawn(peer(:victim), &forever/0)
    trace("old", pid)
    kill_node(:victim)
    Node.spawn(peer(:victim), &forever/0)
    trace("linked", Process.link(pid))
    trace_next("got")
    kill_node(:victim)
  end
end
