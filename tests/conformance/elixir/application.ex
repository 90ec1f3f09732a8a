defmodule Conformance.Application do
  use Conformance
  use Application

  # An application of that name, which reports its callbacks to the caller; `parts` are its
  # fields.
  defp define(name, rest \\ []) do
    main = self()
    # It may be left over from another scenario.
    :application.unload(name)

    :application.load(
      {:application, name,
       [
         description: ~c"",
         vsn: ~c"1",
         modules: [],
         registered: [],
         applications: [:kernel, :stdlib | rest[:applications] || []],
         env: rest[:env] || [],
         mod: {__MODULE__, {name, main, rest[:start] || fn -> top(main, rest[:children] || []) end}}
       ]}
    )
  end

  @impl true
  def start(_type, {name, main, start}) do
    send(main, {:start, name})

    with {:ok, pid} <- start.() do
      send(main, {:top, name, pid})
      {:ok, pid, {name, main, pid}}
    end
  end

  @impl true
  def prep_stop({name, main, pid} = state) do
    send(main, {:prep_stop, name, Process.alive?(pid)})
    state
  end

  @impl true
  def stop({name, main, pid}), do: send(main, {:stop, name, Process.alive?(pid)})

  defp top(main, ids) do
    children =
      for id <- ids, do: %{id: id, start: {__MODULE__, :start_child, [main, id]}}

    Supervisor.start_link(children, strategy: :one_for_one, max_restarts: 0)
  end

  def start_child(main, id) do
    parent = self()

    pid =
      spawn_link(fn ->
        Process.flag(:trap_exit, true)
        send(parent, :ready)
        {:EXIT, _, reason} = expect(:EXIT)
        send(main, {:down, id, reason})
        exit(reason)
      end)

    expect(:ready)
    {:ok, pid}
  end

  defp start(name) do
    case Application.ensure_all_started(name) do
      {:ok, []} -> :already_started
      {:ok, _} -> :ok
      {:error, {app, reason}} -> {:error, {:of, app, why(reason)}}
    end
  end

  defp why({:bad_return, {_call, {:EXIT, reason}}}), do: reason
  defp why({reason, {module, :start, _}}) when is_atom(module), do: reason

  defp finish(name) do
    case Application.stop(name) do
      {:error, {:not_started, ^name}} -> :not_started
      :ok -> :ok
    end
  end

  defp started(names) do
    for {name, _, _} <- Enum.reverse(Application.started_applications()), name in names, do: name
  end

  defp all, do: [:base, :middle, :top, :other, :restarts]

  # The next events that applications report.
  defp events(label, count) do
    for _ <- 1..count do
      receive do
        event when elem(event, 0) in [:start, :prep_stop, :stop, :down] -> trace(label, event)
      after
        30_000 -> trace(label, :nothing)
      end
    end
  end

  defp top_of(name) do
    receive do
      {:top, ^name, pid} -> pid
    end
  end

  scenario "get_env returns the value, nil, or the given default" do
    trace("put", Application.put_env(:env, :a, 1))
    Application.put_env(:env, :nothing, nil)
    trace("get", Application.get_env(:env, :a))
    trace("given", Application.get_env(:env, :a, 2))
    trace("unset", Application.get_env(:env, :b))
    trace("unset, given", Application.get_env(:env, :b, 2))
    trace("nil, given", Application.get_env(:env, :nothing, 2))
    trace("fetch", Application.fetch_env(:env, :a))
    trace("fetch nil", Application.fetch_env(:env, :nothing))
    trace("fetch unset", Application.fetch_env(:env, :b))
    attempt("fetch!", fn -> Application.fetch_env!(:env, :a) end)
    attempt("fetch! unset", fn -> Application.fetch_env!(:env, :b) end)
    trace("all", Map.new(Application.get_all_env(:env)))
    trace("delete", Application.delete_env(:env, :a))
    trace("deleted", Application.fetch_env(:env, :a))
    trace("again", Application.delete_env(:env, :a))
    trace("of nothing", Map.new(Application.get_all_env(:no_application)))
  end

  scenario "its environment replaces all but persistent values" do
    Application.put_env(:persists, :put, :put)
    Application.put_env(:persists, :only, :put)
    Application.put_env(:persists, :kept, :put, persistent: true)
    Application.put_env(:persists, :gone, :put, persistent: true)
    Application.delete_env(:persists, :gone, persistent: true)
    Application.put_env(:persists, :back, :put, persistent: true)
    Application.delete_env(:persists, :back)
    Application.put_all_env([persists: [configured: :config]], persistent: true)
    own = [put: 1, kept: 2, gone: 3, configured: 4, own: 5]
    define(:persists, env: own)
    trace("start", start(:persists))
    trace("env", Map.new(Application.get_all_env(:persists)))
    finish(:persists)
  end

  scenario "its environment survives a stop, and loads once" do
    define(:lasts, env: [a: 1, b: 2, c: 3])
    start(:lasts)
    Application.put_env(:lasts, :a, :changed)
    Application.delete_env(:lasts, :b)
    Application.put_env(:lasts, :d, :put)
    trace("stop", finish(:lasts))
    trace("stopped", Map.new(Application.get_all_env(:lasts)))
    trace("start", start(:lasts))
    trace("started", Map.new(Application.get_all_env(:lasts)))
    finish(:lasts)
  end

  scenario "its dependencies are started before it, each once" do
    define(:base)
    define(:middle, applications: [:base])
    define(:other, applications: [:base])
    define(:top, applications: [:middle, :other])
    trace("start", start(:top))
    events("event", 4)
    trace("started", started(all()))
    trace("again", start(:top))
    trace("a part", start(:base))
    for name <- [:top, :other, :middle, :base], do: finish(name)
    trace("started", started(all()))
  end

  scenario "a stop calls prep_stop, ends the children, calls stop" do
    define(:stops, children: [:a, :b, :c])
    trace("start", start(:stops))
    events("event", 1)
    ref = Process.monitor(top_of(:stops))
    trace("stop", finish(:stops))
    events("event", 5)
    trace("top", receive(do: ({:DOWN, ^ref, _, _, reason} -> reason)))
    trace("again", finish(:stops))
    trace("started", started([:stops]))
  end

  scenario "a stop does not stop its dependents" do
    define(:base)
    define(:top, applications: [:base])
    start(:top)
    events("event", 2)
    trace("stop", finish(:base))
    events("event", 2)
    trace("started", started(all()))
    trace("start", start(:top))
    trace("start it", start(:base))
    events("event", 1)
    for name <- [:top, :base], do: finish(name)
  end

  scenario "a failed start stops the dependencies that it started" do
    define(:kept)
    define(:base, children: [:a])
    define(:middle, applications: [:base, :kept])
    define(:bad, applications: [:middle], start: fn -> {:error, :oops} end)
    define(:over, applications: [:bad])
    start(:kept)
    events("event", 1)
    trace("start", start(:over))
    events("event", 8)
    trace("started", started([:kept, :base, :middle, :bad, :over]))
    finish(:kept)
  end

  scenario "a start fails as its callback does, and can be retried" do
    main = self()
    define(:raising, start: fn -> raise "mine" end)
    define(:exiting, start: fn -> exit(:mine) end)

    define(:failing,
      start: fn -> Supervisor.start_link([bad_child()], strategy: :one_for_one) end
    )

    define(:late, start: fn -> if Process.whereis(:ready), do: top(main, []), else: {:error, :late} end)

    for name <- [:raising, :exiting, :failing, :late] do
      trace("start", start(name))
      trace("started", started([name]))
    end

    Process.register(self(), :ready)
    trace("again", start(:late))
    Process.unregister(:ready)
    finish(:late)
  end

  def bad_child, do: %{id: :child, start: {__MODULE__, :no_child, []}}
  def no_child, do: {:error, :mine}

  scenario "it outlives the process that started it" do
    main = self()
    define(:outlives, children: [:a])

    starter =
      spawn(fn ->
        send(main, {:started, start(:outlives)})
        exit(:oops)
      end)

    trace("reason", reason_of(starter))
    trace("start", elem(expect(:started), 1))
    trace("alive", Process.alive?(top_of(:outlives)))
    trace("started", started([:outlives]))
    finish(:outlives)
    trace("down", expect(:down))
  end

  scenario "concurrent callers of start wait for the same start" do
    main = self()

    define(:slow,
      start: fn ->
        send(main, {:starting, self()})
        expect(:go)
        top(main, [])
      end
    )

    first = Task.async(fn -> start(:slow) end)
    {:starting, master} = expect(:starting)
    second = Task.async(fn -> start(:slow) end)
    trace("second", Task.yield(second, 200))
    trace("started", started([:slow]))
    send(master, :go)
    trace("both", [Task.await(first), Task.await(second)])
    trace("third", start(:slow))
    expect(:start)
    trace("starts", receive(do: ({:starting, _} -> 1), after: (0 -> 0)))
    finish(:slow)
  end

  scenario "it stops with its top supervisor; dependents do not" do
    define(:base)
    define(:top, applications: [:base])
    start(:top)
    events("event", 2)

    for reason <- [:kill, :oops, {:shutdown, :oops}, :normal] do
      pid = top_of(:base)
      if reason == :kill, do: Process.exit(pid, :kill), else: Supervisor.stop(pid, reason)
      events("event", 2)
      wait_for([:top])
      trace("started", started(all()))
      trace("again", start(:base))
      events("again", 1)
    end

    for name <- [:base, :top], do: finish(name)
  end

  defp wait_for(names) do
    if started(all()) != names do
      Process.sleep(1)
      wait_for(names)
    end
  end

  scenario "it stops when a child exceeds the restart intensity" do
    define(:restarts, children: [:a, :b])
    start(:restarts)
    events("event", 1)
    top = top_of(:restarts)
    ref = Process.monitor(top)
    # Its answer shows that it has handled the monitor: the child's exit may overtake that
    # otherwise.
    {:a, a, _, _} = List.keyfind(Supervisor.which_children(top), :a, 0)
    Process.exit(a, :kill)
    trace("top", receive(do: ({:DOWN, ^ref, _, _, reason} -> reason)))
    events("event", 3)
    wait_for([])
    trace("again", start(:restarts))
    finish(:restarts)
  end

  scenario "stop of an application that is not started fails" do
    trace("unknown", finish(:unknown_application))
    define(:known)
    trace("known", finish(:known))
    trace("started", started([:known]))
  end

  scenario "each node has its own applications" do
    Application.put_env(:env, :where, :here)
    define(:here)
    trace("start", start(:here))
    trace("there", on(:kate, :there))
    trace("here", Application.get_env(:env, :where))
    finish(:here)
  end

  def there do
    before = Application.get_env(:env, :where)
    Application.put_env(:env, :where, :there)
    [before, Application.get_env(:env, :where), started([:here])]
  end

  scenario "it stops even if the stop callback raises" do
    main = self()

    :application.load(
      {:application, :raising_stop,
       [
         vsn: ~c"1",
         applications: [:kernel, :stdlib],
         mod: {Conformance.RaisingStop, main}
       ]}
    )

    trace("start", start(:raising_stop))
    pid = elem(expect(:pid), 1)
    trace("stop", finish(:raising_stop))
    trace("prep_stop", expect(:prep_stop))
    trace("stop", expect(:stop))
    trace("alive", Process.alive?(pid))
    trace("started", started([:raising_stop]))
    trace("again", finish(:raising_stop))
  end

  scenario "spec describes a loaded application, running or not" do
    trace("unknown", Application.spec(:conformance_spec))
    trace("unknown", Application.spec(:conformance_spec, :vsn))
    define(:conformance_spec)
    {:ok, _} = Application.ensure_all_started(:conformance_spec)
    trace("vsn", List.to_string(Application.spec(:conformance_spec, :vsn)) == "1")
    trace("description", List.to_string(Application.spec(:conformance_spec, :description)) == "")
    trace("applications", Application.spec(:conformance_spec, :applications) -- [:kernel, :stdlib])
    Application.stop(:conformance_spec)
    trace("when it has stopped", List.to_string(Application.spec(:conformance_spec, :vsn)) == "1")
  end
end

defmodule Conformance.RaisingStop do
  use Application

  @impl true
  def start(_type, main) do
    {:ok, pid} = Supervisor.start_link([], strategy: :one_for_one)
    send(main, {:pid, pid})
    {:ok, pid, main}
  end

  @impl true
  def prep_stop(main) do
    send(main, {:prep_stop})
    raise "mine"
  end

  @impl true
  def stop(main) do
    send(main, {:stop})
    raise "mine"
  end
end
