defmodule Conformance.Aliases do
  use Conformance

  # Sends to the alias on request, and reports when it has.
  def sender do
    receive do
      {:send, to, address, messages} ->
        for message <- messages, do: send(address, message)
        send(to, :sent)
    end

    sender()
  end

  def answer_late do
    {:question, from, address} = expect(:question)
    send(from, :asked)
    expect(:answer)
    send(address, {:answer, 42})
  end

  defp through(pid, address, messages) do
    send(pid, {:send, self(), address, messages})
    expect(:sent)
  end

  defp flush_all do
    case next(0) do
      :nothing -> []
      message -> [message | flush_all()]
    end
  end

  scenario "an alias is active until unalias" do
    for node <- [node(), peer(:kate)] do
      pid = Node.spawn(node, __MODULE__, :sender, [])
      address = Process.alias()
      through(pid, address, [1, 2])
      trace("got", flush_all())
      trace("unalias", Process.unalias(address))
      through(pid, address, [3])
      trace("got", flush_all())
      trace("again", Process.unalias(address))
    end
  end

  scenario "one for a reply accepts one message" do
    for node <- [node(), peer(:kate)] do
      pid = Node.spawn(node, __MODULE__, :sender, [])
      address = Process.alias([:reply])
      through(pid, address, [1, 2])
      trace("got", flush_all())
      trace("unalias", Process.unalias(address))
    end
  end

  scenario "only its process can deactivate one" do
    address = Process.alias()
    main = self()
    {_, ref} = spawn_monitor(fn -> send(main, {:unalias, Process.unalias(address)}) end)
    trace_next("other")
    receive do: ({:DOWN, ^ref, _, _, _} -> :ok)
    send(address, :hello)
    trace_next("got")
  end

  scenario "a message to an alias of a dead process is dropped" do
    main = self()
    {_, ref} = spawn_monitor(fn -> send(main, {:alias, Process.alias()}) end)
    {:alias, address} = expect(:alias)
    receive do: ({:DOWN, ^ref, _, _, _} -> :ok)
    attempt("sent", fn -> send(address, :hello) && :sent end)
    trace("unalias", Process.unalias(address))
    trace("of none", Process.unalias(make_ref()))
  end

  scenario "of a monitor, with explicit_unalias, outlives the DOWN" do
    pid = spawn(&sender/0)
    ref = Process.monitor(pid, alias: :explicit_unalias)
    through(pid, ref, [1])
    trace("got", [next(), ref])
    Process.exit(pid, :kill)
    trace_next("got")
    send(ref, 2)
    trace_next("got")
    trace("unalias", Process.unalias(ref))
  end

  scenario "of a monitor, explicit_unalias outlives demonitor" do
    ref = Process.monitor(spawn(&sender/0), alias: :explicit_unalias)
    trace("demonitor", Process.demonitor(ref, [:info]))
    send(ref, 1)
    trace_next("got")
    trace("unalias", Process.unalias(ref))
  end

  scenario "of a monitor, ends with the monitor by demonitor" do
    pid = spawn(&sender/0)
    ref = Process.monitor(pid, alias: :demonitor)
    through(pid, ref, [1, 2])
    trace("got", flush_all())
    Process.demonitor(ref)
    through(pid, ref, [3])
    trace("got", flush_all())
    trace("unalias", Process.unalias(ref))
  end

  scenario "of a monitor, ends with the DOWN" do
    pid = spawn(&sender/0)
    ref = Process.monitor(pid, alias: :demonitor)
    Process.exit(pid, :kill)
    trace("down", [expect(:DOWN), ref])
    send(ref, :late)
    trace("got", flush_all())
    trace("unalias", Process.unalias(ref))
  end

  scenario "of a monitor, ends the monitor at the first reply" do
    for node <- [node(), peer(:kate)] do
      pid = Node.spawn(node, __MODULE__, :sender, [])
      ref = Process.monitor(pid, alias: :reply_demonitor)
      through(pid, ref, [:reply, :second])
      trace("got", flush_all())
      trace("demonitor", Process.demonitor(ref, [:info]))
      Process.exit(pid, :kill)
      trace("reason", reason_of(pid))
      trace_nothing("then")
    end
  end

  scenario "a reply that is late for its request is dropped" do
    pid = Node.spawn(peer(:kate), __MODULE__, :answer_late, [])

    ref = Process.monitor(pid, alias: :reply_demonitor)
    send(pid, {:question, self(), ref})
    expect(:asked)
    send(pid, :answer)
    # It may have arrived just before; from here on it does not.
    Process.demonitor(ref, [:flush])
    receive do: ({:answer, 42} -> :ok), after: (0 -> :ok)
    trace("given up", Process.unalias(ref))
    trace("reason", reason_of(pid) in [:normal, :noproc])
    trace_nothing("then")
  end

  scenario "unalias of a monitor's alias keeps the monitor" do
    pid = spawn(&sender/0)
    ref = Process.monitor(pid, alias: :demonitor)
    trace("unalias", Process.unalias(ref))
    through(pid, ref, [1])
    trace("got", flush_all())
    Process.exit(pid, :kill)
    trace("down", [next(), ref, pid])
  end
end
