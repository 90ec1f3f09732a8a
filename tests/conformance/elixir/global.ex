defmodule Conformance.Global do
  use Conformance

  # Connects the main node and a peer, and waits until both have the same names.
  defp meet(name \\ :kate) do
    node = peer(name)
    Node.connect(node)
    :global.sync()
    on(name, :sync)
    node
  end

  def sync, do: :global.sync()

  # A process that waits.
  def idle, do: spawn(&forever/0)

  # A process that forwards its messages, from the first request on.
  def relay(to) do
    receive do
      :go -> pass_on(to)
    end
  end

  defp pass_on(to) do
    receive do
      message ->
        send(to, {:relayed, message})
        pass_on(to)
    end
  end

  # Waits until the name is free, as the node of the caller sees it.
  def gone(name) do
    if :global.whereis_name(name) == :undefined do
      :gone
    else
      Process.sleep(2)
      gone(name)
    end
  end

  def whereis(name) do
    case :global.whereis_name(name) do
      :undefined -> nil
      pid -> pid
    end
  end

  def register_me(name), do: :global.register_name(name, self()) == :yes
  def unregister(name), do: :global.unregister_name(name)
  def names, do: :global.registered_names()

  def register_and_tell(name) do
    :yes = :global.register_name(name, self())
    self()
  end

  def register_relay(name, to, resolve) do
    pid = spawn(fn -> relay(to) end)
    :yes = :global.register_name(name, pid, resolver(resolve))
    pid
  end

  defp resolver(:exit), do: &:global.random_exit_name/3
  defp resolver(:notify), do: &:global.random_notify_name/3
  defp resolver(:all), do: &:global.notify_all_name/3
  defp resolver(:second), do: &__MODULE__.keep_second/3
  defp resolver(:nonsense), do: &__MODULE__.nonsense/3
  defp resolver(:raises), do: &__MODULE__.raises/3

  # Registers a name on both nodes while they are partitioned, and connects them again.
  defp conflict(resolve) do
    meet()
    main = self()
    mine = spawn(fn -> relay(main) end)
    trace("main's", mine)
    part(:kate)
    trace("main has it", :global.register_name(:leader, mine, resolver(resolve)) == :yes)
    kates = on(:kate, :register_relay, [:leader, main, resolve])
    trace("kate's", kates)
    trace("still", whereis(:leader))
    ref = Process.monitor(mine)
    meet()
    trace("main sees", whereis(:leader))
    trace("kate sees", on(:kate, :whereis, [:leader]))
    {mine, kates, ref}
  end

  scenario "a name is registered once, and all nodes see it" do
    kate = meet()
    trace("main", :global.register_name(:leader, self()) == :yes)
    trace("main's", whereis(:leader))
    trace("kate sees", on(:kate, :whereis, [:leader]))
    trace("kate", on(:kate, :register_me, [:leader]))
    trace("names", on(:kate, :names))
    trace("node", kate)
    :global.unregister_name(:leader)
  end

  scenario "any term is a name, for any process of the cluster" do
    meet()
    pid = on(:kate, :idle)
    trace("kate's", pid)
    trace("given", :global.register_name(["room", 1], pid) == :yes)
    trace("whereis", whereis(["room", 1]))
    trace("another", whereis(["room", 2]))
    trace("kate sees", on(:kate, :whereis, [["room", 1]]))
  end

  scenario "an unregistered name is free on all nodes" do
    meet()
    :global.register_name(:leader, self())
    on(:kate, :unregister, [:leader])
    trace("main sees", whereis(:leader))
    :global.unregister_name(:leader)
    trace("kate", on(:kate, :register_me, [:leader]))
  end

  scenario "re_register_name takes a name without a message" do
    meet()
    before = on(:kate, :idle)
    trace("before", before)
    :global.register_name(:leader, before)
    trace("re-registered", :global.re_register_name(:leader, self()) == :yes)
    trace("kate sees", on(:kate, :whereis, [:leader]) == before)
    Process.exit(before, :kill)
    trace("reason", reason_of(before))
    :global.sync()
    trace("main sees", whereis(:leader) == self())
    :global.unregister_name(:leader)
  end

  scenario "a process with a name gets no other" do
    meet()
    trace("one", :global.register_name(:one, self()) == :yes)
    trace("two", :global.register_name(:two, self()) == :yes)
    trace("two is free", whereis(:two))
    :global.unregister_name(:one)
  end

  scenario "whereis_name returns no dead process of its own node" do
    pid = spawn(&forever/0)
    :global.register_name(:leader, pid)
    Process.exit(pid, :kill)
    trace("whereis", whereis(:leader))
  end

  scenario "the name of an exited process is free on other nodes" do
    meet()
    pid = on(:kate, :idle)
    :global.register_name(:leader, pid)
    Process.exit(pid, :kill)
    trace("main sees", gone(:leader))
    trace("again", :global.register_name(:leader, self()) == :yes)
    :global.unregister_name(:leader)
  end

  scenario "the names of a node that goes down become free" do
    node = meet(:victim)
    pid = on(:victim, :idle)
    trace("victim's", pid)
    :global.register_name(:leader, pid)
    Node.monitor(node, true)
    kill_node(:victim)
    trace_next("down")
    trace("main sees", gone(:leader))
    trace("again", :global.register_name(:leader, self()) == :yes)
    :global.unregister_name(:leader)
  end

  scenario "connecting partitions get each other's names" do
    meet()
    part(:kate)
    :global.register_name(:main, self())
    trace("kate's", on(:kate, :register_and_tell, [:kate]))
    trace("not yet", whereis(:kate))
    meet()
    trace("main sees", whereis(:kate))
    trace("kate sees", on(:kate, :whereis, [:main]) == self())
    :global.unregister_name(:main)
  end

  scenario "a name conflict kills the process of the greater node" do
    {_mine, _kates, ref} = conflict(:exit)

    receive do
      {:DOWN, ^ref, _, _, reason} -> trace("main's", reason)
    end
  end

  scenario "random_notify_name notifies the loser of the name" do
    {mine, kates, _ref} = conflict(:notify)
    for pid <- [mine, kates], do: send(pid, :go)
    send(mine, :marker)
    trace_next("main's")
    trace_next("main's")
    send(kates, :marker)
    trace_next("kate's")
  end

  scenario "notify_all_name notifies both and frees the name" do
    {mine, kates, _ref} = conflict(:all)
    send(mine, :go)
    trace_next("main's")
    send(kates, :go)
    trace_next("kate's")
  end

  # A resolver that keeps the second process, and reports both.
  def keep_second(name, first, second) do
    send(second, {:asked, name, first, second, node()})
    second
  end

  def raises(_name, _first, _second), do: raise("cannot decide")

  scenario "a resolver decides once, on the smaller node" do
    {mine, kates, _ref} = conflict(:second)
    send(kates, :go)
    trace_next("asked")
    send(kates, :marker)
    trace_next("once")
    trace("main's lives", Process.alive?(mine))
  end

  def nonsense(_name, _first, _second), do: :nonsense

  scenario "a resolver that returns neither process frees the name" do
    {mine, _kates, _ref} = conflict(:nonsense)
    trace("main's lives", Process.alive?(mine))
  end

  scenario "a resolver that raises leaves the name to the other" do
    {mine, _kates, _ref} = conflict(:raises)
    trace("main's lives", Process.alive?(mine))
  end

  def register_forwarder(name, to) do
    pid = spawn(fn -> pass_on(to) end)
    :yes = :global.register_name(name, pid)
    pid
  end

  scenario "send reaches the holder, and exits for a free name" do
    meet()
    pid = on(:kate, :register_forwarder, [:leader, self()])
    trace("kate's", pid)
    trace("sent to", :global.send(:leader, :hi))
    trace_next("got")

    try do
      :global.send(:nobody, :hi)
    catch
      :exit, {reason, {name, message}} -> trace("exit", [reason, name, message])
    end
  end

  def try_lock(resource), do: :global.set_lock({resource, self()}, [node() | Node.list()], 0)
  def give_back(resource), do: :global.del_lock({resource, self()})

  scenario "a lock has one requester at a time, on any node" do
    meet()
    trace("main", :global.set_lock({:printer, self()}))
    trace("again", :global.set_lock({:printer, self()}))
    trace("kate", on(:kate, :try_lock, [:printer]))
    trace("another", on(:kate, :try_lock, [:scanner]))
    trace("not kate's", on(:kate, :give_back, [:printer]))
    trace("kate", on(:kate, :try_lock, [:printer]))
    trace("back", :global.del_lock({:printer, self()}))
    trace("kate", on(:kate, :try_lock, [:printer]))
  end

  def share_lock do
    me = self()

    pid =
      spawn(fn ->
        send(me, {:shared, :global.set_lock({:printer, :us})})
        forever()
      end)

    receive do
      {:shared, true} -> pid
    end
  end

  scenario "a requester's lock is held until its last release" do
    meet()
    trace("main", :global.set_lock({:printer, :us}))

    kates = on(:kate, :share_lock)
    trace("kate's", kates)
    trace("back", :global.del_lock({:printer, :us}))
    trace("them", :global.set_lock({:printer, :them}, [node() | Node.list()], 0))
    Process.exit(kates, :kill)
    trace("them", :global.set_lock({:printer, :them}))
    :global.del_lock({:printer, :them})
  end

  def hold_lock(to) do
    spawn(fn ->
      :global.set_lock({:printer, self()})
      send(to, :locked)
      forever()
    end)
  end

  scenario "the exit of a holder passes its lock to a waiter" do
    meet()
    holder = on(:kate, :hold_lock, [self()])
    trace_next("holder")
    waiting = Task.async(fn -> :global.set_lock({:printer, self()}) end)
    Process.exit(holder, :kill)
    trace("waited", Task.await(waiting))
  end

  def try_trans, do: :global.trans({:printer, self()}, fn -> :never end, [node() | Node.list()], 0)

  scenario "trans returns the result, and releases the lock" do
    meet()
    id = {:printer, self()}
    trace("value", :global.trans(id, fn -> 42 end))
    attempt("raised", fn -> :global.trans(id, fn -> raise "oops" end) end)

    :global.trans(id, fn -> trace("aborted", on(:kate, :try_trans)) end)
    trace("free", on(:kate, :try_lock, [:printer]))
  end

  scenario "a lock on one node does not lock another node" do
    kate = meet()
    trace("on kate", :global.set_lock({:printer, self()}, [kate]))
    trace("on main", :global.set_lock({:printer, :another}, [node()], 0))
    trace("on both", :global.set_lock({:printer, :another}, [node(), kate], 0))
    :global.del_lock({:printer, self()}, [kate])
    trace("on both", :global.set_lock({:printer, :another}, [node(), kate], 0))
    :global.del_lock({:printer, :another})
  end
end
