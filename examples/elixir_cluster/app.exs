# The Elixir side, on a node of its own: elixir --sname app@localhost -r phoenix_pubsub.ex app.exs

scripts = :scripts@localhost
show = fn code, value -> IO.puts("#{code}: #{inspect(value)}") end

{:ok, _} = Supervisor.start_link([{Phoenix.PubSub, name: Editor.PubSub}], strategy: :one_for_one)

# One cluster, with the names and groups of both languages.
true = Node.connect(scripts)
:ok = :global.sync()
{ref, members} = :pg.monitor(Phoenix.PubSub, Editor.PubSub.Adapter)

unless Enum.any?(members, &(node(&1) == scripts)) do
  receive do
    {^ref, :join, _group, [pid]} when node(pid) == scripts -> :ok
  end
end

show.("Node.list()", Node.list())

# A GenServer in TypeScript hears the messages of Phoenix.PubSub, and is called by its global name.
Phoenix.PubSub.broadcast(Editor.PubSub, "scripts", {:saved, "sum.js", "1 + 1"})
Phoenix.PubSub.broadcast(Editor.PubSub, "scripts", {:saved, "broken.js", "1 +"})
["broken.js"] = broken = GenServer.call({:global, :broken}, :list)
show.("GenServer.call({:global, :broken}, :list)", broken)

# Supervised tasks in TypeScript, with a parser from npm. They print at the node of their supervisor.
checks =
  {Checker.TaskSupervisor, scripts}
  |> Task.Supervisor.async_stream_nolink(["let a = 1", "let 1 = a"], Checker, :check, [])
  |> Enum.map(fn {:ok, result} -> result end)

[:ok, {:error, "Unexpected token" <> _}] = checks
show.("Task.Supervisor.async_stream_nolink", checks)

# A task that fails costs its caller nothing.
task = Task.Supervisor.async_nolink({Checker.TaskSupervisor, scripts}, Checker, :missing, [])
{:exit, {:undef, _stacktrace}} = failed = Task.yield(task)
show.("Task.yield", failed)

# A process prints at the node that spawned it: here.
pid = Node.spawn(scripts, Checker, :check, ["'from Elixir'"])
ref = Process.monitor(pid)

receive do
  {:DOWN, ^ref, :process, ^pid, reason} -> show.("Node.spawn", reason)
end
