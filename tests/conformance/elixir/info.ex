defmodule Conformance.Info do
  use Conformance

  defp facts(pid) do
    keys = [:links, :monitors, :monitored_by, :registered_name, :message_queue_len, :trap_exit, :group_leader]

    case Process.info(pid, keys) do
      nil -> nil
      facts -> Map.new(facts)
    end
  end

  scenario "a new process has only its group leader" do
    trace("me", [self(), Process.group_leader()])
    pid = spawn(&forever/0)
    trace("info", pairs(facts(pid)))
  end

  scenario "links, monitors and names are the current ones" do
    main = self()

    pid =
      spawn(fn ->
        Process.flag(:trap_exit, true)
        Process.register(self(), :clerk)
        Process.link(main)
        Process.monitor(main)
        Process.monitor({:nobody_else, node()})
        send(main, :ready)
        forever()
      end)

    expect(:ready)
    Process.monitor(pid)
    send(pid, :one)
    send(pid, :two)
    trace("me", [main, Process.group_leader(), pid])
    trace("info", pairs(facts(pid)))
    Process.unlink(pid)
    Process.unregister(:clerk)
    trace("info", pairs(Map.take(facts(pid), [:links, :registered_name])))
  end

  defp pairs(facts) do
    facts
    |> Map.replace_lazy(:monitors, fn list -> for {:process, what} <- list, do: what end)
    |> Map.replace_lazy(:registered_name, fn name -> if name == [], do: nil, else: name end)
  end

  scenario "an exited process has none" do
    pid = spawn(fn -> :ok end)
    reason_of(pid)
    trace("info", facts(pid))
    trace("alive", Process.alive?(pid))
    trace("listed", pid in Process.list())
  end

  scenario "a process of another node is rejected" do
    pid = Node.spawn(peer(:kate), Conformance, :forever, [])
    attempt("info", fn -> Process.info(pid) end)
    attempt("alive", fn -> Process.alive?(pid) end)
    trace("listed", pid in Process.list())
  end

  def links_of(pid), do: facts(pid).links
  def is_monitored(pid), do: facts(pid).monitored_by != []

  scenario "both ends show a link between nodes until it ends" do
    pid = Node.spawn_link(peer(:kate), Conformance, :forever, [])
    trace("pair", [self(), pid])
    trace("here", facts(self()).links)
    trace("there", on(:kate, :links_of, [pid]))
    Process.unlink(pid)
    trace("here", facts(self()).links)
    # The unlink arrived before the answer to this.
    Process.monitor(pid)
    send(pid, :sync)
    wait_for_monitor(pid, 500)
    trace("there", on(:kate, :links_of, [pid]))
  end

  defp wait_for_monitor(pid, tries) do
    if tries > 0 and not on(:kate, :is_monitored, [pid]),
      do: wait_for_monitor(pid, tries - 1)
  end

  scenario "registered names are listed, and free names are not" do
    trace("before", :clerk in Process.registered())
    Process.register(self(), :clerk)
    trace("registered", :clerk in Process.registered())
    Process.unregister(:clerk)
    trace("after", :clerk in Process.registered())
  end
end
