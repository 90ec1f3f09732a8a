defmodule Conformance.Pg do
  use Conformance

  @scope :scope

  def start, do: elem(:pg.start_link(@scope), 1)

  # A process that waits; on a peer it is a member already.
  defp idle, do: spawn(&forever/0)

  def member(group, times \\ 1) do
    pid = idle()
    :ok = :pg.join(@scope, group, List.duplicate(pid, times))
    pid
  end

  defp members(group, names), do: named(:pg.get_members(@scope, group), names)

  defp named(pids, names) do
    Enum.sort(for pid <- pids, do: Map.new(names, fn {name, pid} -> {pid, name} end)[pid])
  end

  defp told(label, ref) do
    receive do
      {^ref, verb, group, pids} -> trace(label, {verb, group, pids})
    after
      10_000 -> trace(label, :nothing)
    end
  end

  defp no_more do
    send(self(), :marker)
    trace_next("no more")
  end

  def leave(group, pid), do: :pg.leave(@scope, group, pid)
  def join(group, pid), do: :pg.join(@scope, group, pid)
  def get_members(group), do: :pg.get_members(@scope, group)
  def connect(node), do: Node.connect(node)
  def ask_scope, do: :pg.demonitor(@scope, make_ref())

  def crash do
    pid = Process.whereis(@scope)
    Process.unlink(pid)
    Process.exit(pid, :kill)
    reason_of(pid)
  end

  # Waits until the scope there has handled the earlier signals on the connection: it
  # answers discoveries, and would connect again to do so.
  defp settle, do: reason_of(Node.spawn(peer(:kate), __MODULE__, :ask_scope, []))

  # Both nodes run the scope, and are not connected; the main node monitors the group.
  defp with_kate(group) do
    # A late message of an earlier scenario may have connected them again.
    part(:kate)
    start()
    on(:kate, :start)
    {ref, []} = :pg.monitor(@scope, group)
    ref
  end

  scenario "a process is a member for each join without a leave" do
    start()
    [a, b] = [idle(), idle()]
    names = [a: a, b: b]
    trace("join", :pg.join(@scope, :g, a))
    trace("join", :pg.join(@scope, :g, [b, a]))
    trace("members", members(:g, names))
    trace("leave", :pg.leave(@scope, :g, a))
    trace("members", members(:g, names))
    trace("leave", :pg.leave(@scope, :g, [a, b]))
    trace("members", members(:g, names))
    trace("groups", :pg.which_groups(@scope))
  end

  scenario "leaving returns not_joined unless one is a member" do
    start()
    [a, b] = [idle(), idle()]
    :pg.join(@scope, :g, a)
    trace("other process", :pg.leave(@scope, :g, b))
    trace("other group", :pg.leave(@scope, :h, a))
    trace("none", :pg.leave(@scope, :g, []))
    {ref, _} = :pg.monitor(@scope, :g)
    trace("who", [a, b])
    trace("several", :pg.leave(@scope, :g, [b, a, a]))
    told("told", ref)
    trace("members", :pg.get_members(@scope, :g))
    no_more()
  end

  scenario "a group is any term, and exists while it has members" do
    start()
    me = self()
    groups = ["room", ["room", 1], %{a: 1, b: [2]}, 7]
    for group <- groups, do: :pg.join(@scope, group, me)
    trace("groups", length(:pg.which_groups(@scope)))
    trace("same", :pg.get_members(@scope, Map.new(b: [2], a: 1)))
    trace("other", :pg.get_members(@scope, ["room", 2]))
    trace("nothing", :pg.get_members(@scope, :nothing))
    trace("leave", :pg.leave(@scope, Map.new(b: [2], a: 1), me))
    trace("groups", length(:pg.which_groups(@scope)))
  end

  scenario "a member that exits leaves its groups, the last first" do
    start()
    a = member(:g, 2)
    :pg.join(@scope, :h, a)
    :pg.join(@scope, :left, a)
    :pg.leave(@scope, :left, a)
    {ref, groups} = :pg.monitor_scope(@scope)
    trace("groups", [groups[:g], groups[:h], groups[:left]])
    Process.exit(a, :kill)
    for _ <- 1..3, do: told("told", ref)
    trace("groups", :pg.which_groups(@scope))
    no_more()
  end

  scenario "an exited process joins, and leaves at once" do
    start()
    a = idle()
    Process.exit(a, :kill)
    reason_of(a)
    {ref, _} = :pg.monitor(@scope, :g)
    trace("join", :pg.join(@scope, :g, a))
    for _ <- 1..2, do: told("told", ref)
    trace("members", :pg.get_members(@scope, :g))
  end

  scenario "only local processes can join" do
    start()
    remote = Node.spawn(peer(:kate), Conformance, :forever, [])
    trace("pid", remote)
    attempt("remote", fn -> :pg.join(@scope, :g, remote) end)
    attempt("remote", fn -> :pg.join(@scope, :g, [self(), remote]) end)
    attempt("remote", fn -> :pg.leave(@scope, :g, remote) end)
    trace("groups", :pg.which_groups(@scope))
  end

  scenario "without a running scope there are no members" do
    trace("members", :pg.get_members(@scope, :g))
    trace("local members", :pg.get_local_members(@scope, :g))
    attempt("groups", fn -> :pg.which_groups(@scope) end)
    reason = fn fun -> attempt("exit", fn -> reason(fun) end) end
    reason.(fn -> :pg.join(@scope, :g, self()) end)
    reason.(fn -> :pg.leave(@scope, :g, self()) end)
    reason.(fn -> :pg.monitor(@scope, :g) end)
    reason.(fn -> :pg.demonitor(@scope, make_ref()) end)
  end

  defp reason(fun) do
    fun.()
  catch
    :exit, {reason, _} -> exit(reason)
  end

  scenario "a scope registers its name once, and is independent" do
    pid = start()
    trace("whereis", Process.whereis(@scope) == pid)
    trace("again", [pid, :pg.start(@scope)])
    {:ok, _} = :pg.start_link(:other_scope)
    :pg.join(@scope, :g, self())
    trace("other", :pg.get_members(:other_scope, :g))
    trace("leave", :pg.leave(:other_scope, :g, self()))
    trace("members", :pg.get_members(@scope, :g))
  end

  scenario "a linked scope exits with its starter" do
    main = self()

    starter =
      spawn(fn ->
        {:ok, linked} = :pg.start_link(:linked)
        {:ok, alone} = :pg.start(:alone)
        send(main, {:scopes, linked, alone})
        forever()
      end)

    {:scopes, linked, alone} = expect(:scopes)
    refs = for pid <- [linked, alone], do: Process.monitor(pid)
    trace("scopes", [linked, alone, refs])
    Process.exit(starter, :oops)
    trace_next("down")
    trace("alone", Process.alive?(alone))
  end

  scenario "a monitor of a group reports only that group" do
    start()
    a = member(:g)
    {one, members} = :pg.monitor(@scope, :g)
    {two, _} = :pg.monitor(@scope, :g)
    trace("members", [members, a])
    :pg.join(@scope, :h, a)
    b = idle()
    :pg.join(@scope, :g, [b, a])
    for ref <- [one, two], do: told("told", ref)
    :pg.leave(@scope, :g, b)
    for ref <- [one, two], do: told("told", ref)
    no_more()
  end

  scenario "a monitor of the scope reports all groups" do
    start()
    a = member(:g, 2)
    :pg.join(@scope, :h, self())
    {ref, groups} = :pg.monitor_scope(@scope)
    trace("groups", [a, map_size(groups), groups[:g], groups[:h]])
    :pg.join(@scope, :new, a)
    told("told", ref)
    :pg.leave(@scope, :h, self())
    told("told", ref)
    no_more()
  end

  scenario "demonitor flushes the messages of its own monitor only" do
    start()
    {one, _} = :pg.monitor(@scope, :g)
    {two, _} = :pg.monitor(@scope, :g)
    {all, _} = :pg.monitor_scope(@scope)
    a = member(:g)
    :pg.leave(@scope, :g, a)
    trace("end", :pg.demonitor(@scope, one) == :ok)
    trace("end", :pg.demonitor(@scope, all) == :ok)
    trace("again", :pg.demonitor(@scope, one) == :ok)
    trace("unknown", :pg.demonitor(@scope, make_ref()) == :ok)
    trace("who", a)
    for _ <- 1..2, do: told("told", two)
    :pg.join(@scope, :g, a)
    told("told", two)
    no_more()
  end

  scenario "all nodes see the members, and which are local" do
    ref = with_kate(:g)
    ours = member(:g)
    theirs = on(:kate, :member, [:g])
    names = [ours: ours, theirs: theirs]
    told("told", ref)
    no_more()
    Node.connect(peer(:kate))
    told("told", ref)
    trace("members", members(:g, names))
    trace("local", named(:pg.get_local_members(@scope, :g), names))
    late = on(:kate, :member, [:late])
    again = on(:kate, :member, [:g, 2])
    told("told", ref)
    trace("members", members(:g, [again: again] ++ names))
    trace("late", :pg.get_members(@scope, :late) == [late])
    trace("groups", Enum.sort(:pg.which_groups(@scope)))
    trace("local groups", :pg.which_local_groups(@scope))
    Process.exit(theirs, :kill)
    told("told", ref)
    on(:kate, :leave, [:g, again])
    told("told", ref)
    settle()
    trace("members", members(:g, [again: again] ++ names))
  end

  scenario "a scope started on connected nodes finds the others" do
    on(:kate, :start)
    theirs = on(:kate, :member, [:g])
    Node.connect(peer(:kate))
    start()
    {ref, before} = :pg.monitor(@scope, :g)
    if before == [], do: receive(do: ({^ref, :join, :g, _} -> :ok))
    trace("members", members(:g, theirs: theirs))
    no_more()
    settle()
  end

  scenario "members leave with the connection, and come back" do
    ref = with_kate(:g)
    Node.connect(peer(:kate))
    stays = on(:kate, :member, [:g])
    told("told", ref)
    goes = on(:kate, :member, [:g])
    told("told", ref)
    settle()
    part(:kate)

    receive do
      {^ref, :leave, :g, pids} -> trace("gone", named(pids, stays: stays, goes: goes))
    end

    trace("members", :pg.get_members(@scope, :g))
    comes = on(:kate, :member, [:g])
    on(:kate, :leave, [:g, goes])
    Node.connect(peer(:kate))

    receive do
      {^ref, :join, :g, pids} -> trace("back", named(pids, stays: stays, goes: goes, comes: comes))
    end

    trace("members", members(:g, stays: stays, goes: goes, comes: comes))
    no_more()
    settle()
  end

  scenario "members of a node that goes down leave" do
    node = peer(:victim)
    on(:victim, :start)
    start()
    Node.connect(node)
    {ref, []} = :pg.monitor(@scope, :g)
    theirs = on(:victim, :member, [:g, 2])
    trace("who", theirs)
    told("told", ref)
    kill_node(:victim)
    told("told", ref)
    trace("groups", :pg.which_groups(@scope))
  end

  scenario "members are lost with their node's scope, and rejoin" do
    ref = with_kate(:g)
    Node.connect(peer(:kate))
    theirs = on(:kate, :member, [:g])
    told("told", ref)
    settle()

    on(:kate, :crash)
    told("told", ref)
    on(:kate, :start)
    trace("its members", on(:kate, :get_members, [:g]))
    on(:kate, :join, [:g, theirs])
    told("told", ref)
    settle()
    no_more()
  end

  scenario "connecting to one node brings the members of all" do
    ref = with_kate(:g)
    on(:moebi, :start)
    [kate, moebi] = [peer(:kate), peer(:moebi)]
    on(:kate, :connect, [moebi])
    theirs = on(:moebi, :member, [:g])
    seen = on(:kate, :seen, [:g, theirs])
    trace("kate", seen)
    no_more()
    Node.connect(kate)
    told("told", ref)
    trace("main", members(:g, theirs: theirs))
    settle()
  end

  def seen(group, pid) do
    if :pg.get_members(@scope, group) == [pid] do
      :seen
    else
      Process.sleep(1)
      seen(group, pid)
    end
  end
end
