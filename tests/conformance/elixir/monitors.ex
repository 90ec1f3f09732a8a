defmodule Conformance.Monitors do
  use Conformance

  def nothing, do: :ok

  # Exits with the reason that it receives.
  def obedient, do: receive(do: ({:exit, reason} -> exit(reason)))

  # Registers the name, reports it, and exits with the reason that it receives.
  def named(name, main) do
    Process.register(self(), name)
    send(main, :registered)
    obedient()
  end

  def heir(main), do: send(main, {:heir, next(5000)})

  defp start_named(node, name) do
    pid = Node.spawn(node, __MODULE__, :named, [name, self()])
    expect(:registered)
    pid
  end

  scenario "each monitor of one process has its own DOWN" do
    pid = spawn(&obedient/0)
    refs = for _ <- 1..3, do: Process.monitor(pid)
    trace("monitors", [pid | refs])
    send(pid, {:exit, :oops})
    for ref <- refs, do: trace("got", receive(do: ({:DOWN, ^ref, _, _, _} = down -> down)))
    send(self(), :marker)
    trace_next("then")
  end

  scenario "a dead process sends DOWN with noproc, remotely too" do
    for node <- [node(), peer(:kate)] do
      pid = Node.spawn(node, __MODULE__, :nothing, [])
      reason_of(pid)
      ref = Process.monitor(pid)
      trace("monitor", [pid, ref])
      trace_next("got")
    end
  end

  scenario "a free name sends DOWN with noproc, remotely too" do
    kate = peer(:kate)

    for name <- [:nobody, {:nobody, node()}, {:nobody, kate}] do
      trace("monitor", Process.monitor(name))
      trace_next("got")
    end
  end

  scenario "the DOWN of a monitored name has the name and node" do
    start_named(node(), :clerk)
    trace("monitor", Process.monitor(:clerk))
    trace("monitor", other = Process.monitor({:clerk, node()}))
    send(:clerk, {:exit, :oops})
    trace("got", receive(do: ({:DOWN, ref, _, _, _} = down when ref != other -> down)))
    trace_next("got")
  end

  scenario "the DOWN of a name elsewhere has the name and node" do
    kate = peer(:kate)
    start_named(kate, :clerk)
    trace("monitor", Process.monitor({:clerk, kate}))
    send({:clerk, kate}, {:exit, :oops})
    trace_next("got")
  end

  scenario "a name is looked up when the monitor is made" do
    pid = start_named(node(), :clerk)
    ref = Process.monitor(:clerk)
    Process.unregister(:clerk)
    Process.register(self(), :clerk)
    trace("monitor", ref)
    send(pid, {:exit, :renamed})
    trace_next("got")
    Process.unregister(:clerk)
  end

  scenario "an unreachable node sends DOWN with noconnection" do
    pid = Node.spawn(peer(:victim), Conformance, :forever, [])
    name = {:clerk, node(pid)}
    trace("monitor", [pid, Process.monitor(pid)])
    kill_node(:victim)
    trace_next("got")
    trace("monitor", Process.monitor(pid))
    trace_next("got")
    trace("monitor", Process.monitor(name))
    trace_next("got")
    trace("monitor", Process.monitor({:clerk, unknown_node()}))
    trace_next("got")
  end

  scenario "each monitor receives noconnection once" do
    kate = peer(:kate)
    pid = start_named(kate, :clerk)
    refs = for target <- [pid, pid, {:clerk, kate}], do: Process.monitor(target)
    trace("monitors", [pid | refs])
    part(:kate)
    for ref <- refs, do: trace("got", receive(do: ({:DOWN, ^ref, _, _, _} = down -> down)))
    trace_nothing("then")
    # The connection is made anew: the monitored process is alive, and no longer monitored.
    send({:clerk, kate}, {:exit, :late})
    trace_nothing("then")
  end

  scenario "the DOWN from another node contains the exit reason" do
    for reason <- [:normal, {:shutdown, :done}, %{code: 1}] do
      pid = Node.spawn(peer(:kate), __MODULE__, :obedient, [])
      ref = Process.monitor(pid)
      send(pid, {:exit, reason})
      trace("got", [expect(:DOWN), ref, pid])
    end
  end

  scenario "demonitor returns whether the monitor existed" do
    pid = spawn(&obedient/0)
    ref = Process.monitor(pid)
    trace("first", Process.demonitor(ref, [:info]))
    trace("second", Process.demonitor(ref, [:info]))
    send(pid, {:exit, :unwatched})
    reason_of(pid)
    send(self(), :marker)
    trace_next("then")
    trace("of none", Process.demonitor(make_ref(), [:info]))
  end

  scenario "a DOWN that arrived stays, unless demonitor flushes" do
    pid = spawn(&obedient/0)
    refs = [kept, flushed] = for _ <- 1..2, do: Process.monitor(pid)
    send(pid, {:exit, :oops})
    reason_of(pid)
    for ref <- refs, do: receive(do: ({:DOWN, ^ref, _, _, _} = down -> send(self(), down)))
    trace("monitors", [kept, flushed])
    trace("kept", Process.demonitor(kept, [:info]))
    trace("flushed", Process.demonitor(flushed, [:flush, :info]))
    send(self(), :marker)
    trace_next("got")
    trace_next("then")
  end

  scenario "demonitor of a process of another node stops the DOWN" do
    pid = Node.spawn(peer(:kate), __MODULE__, :obedient, [])
    ref = Process.monitor(pid)
    other = Process.monitor(pid)
    trace("monitors", [ref, other])
    trace("demonitor", Process.demonitor(ref, [:info]))
    send(pid, {:exit, :oops})
    trace_next("got")
    trace_nothing("then")
  end

  scenario "demonitor of a name on another node stops the DOWN" do
    kate = peer(:kate)
    pid = start_named(kate, :clerk)
    ref = Process.monitor({:clerk, kate})
    trace("demonitor", Process.demonitor(ref, [:info]))
    other = Process.monitor(pid)
    send(pid, {:exit, :oops})
    trace("got", [expect(:DOWN), other, pid])
    trace_nothing("then")
  end

  scenario "a process that monitors itself receives nothing" do
    {pid, ref} =
      spawn_monitor(fn ->
        ref = Process.monitor(self())
        send(self(), :marker)
        trace_next("got")
        trace("demonitor", Process.demonitor(ref, [:info]))
      end)

    trace("down", [expect(:DOWN), ref, pid])
  end

  scenario "a process of an older incarnation is noproc" do
    pid = Node.spawn(peer(:victim), Conformance, :forever, [])
    kill_node(:victim)
    Node.spawn(peer(:victim), Conformance, :forever, [])
    trace("monitor", [pid, Process.monitor(pid)])
    trace_next("got")
    kill_node(:victim)
  end

  scenario "messages to an older incarnation of a node are dropped" do
    pid = Node.spawn(peer(:victim), Conformance, :forever, [])
    kill_node(:victim)
    heir = Node.spawn(peer(:victim), __MODULE__, :heir, [self()])
    send(pid, :for_the_old_one)
    send(heir, :for_the_new_one)
    trace_next("got")
    kill_node(:victim)
  end
end
