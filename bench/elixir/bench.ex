# The rival's half of the benchmarks: the same jobs as bench/ours, in the
# same message shapes, written as an Elixir programmer would write them.
# Compiled by `elixirc` before it runs, so that nothing measured is interpreted.

defmodule Bench.Echo do
  @moduledoc "The server that is called."
  use GenServer

  @impl true
  def init(state), do: {:ok, state}

  @impl true
  def handle_call({:echo, value}, _from, state) when is_integer(value), do: {:reply, value, state}
end

defmodule Bench.Payload do
  @moduledoc "The messages of the one-way rows, and whether they arrive as they were sent."

  @text_size 1000
  @variants 16
  @large_size 100

  @texts for i <- 0..(@variants - 1), do: String.duplicate(<<97 + i>>, @text_size)
  @bytes for i <- 0..(@variants - 1), do: :binary.copy(<<i>>, @text_size)

  @doc "Makes the message number `n` of a row."
  def make(:one_way_text, n), do: {:text, n, elem(texts(), rem(n, @variants))}
  def make(:one_way_bytes, n), do: {:bytes, n, elem(bytes(), rem(n, @variants))}
  def make(:one_way_object, n), do: {:object, n, user(n)}
  def make(:one_way_large, n), do: {:large, n, for(i <- 1..@large_size, do: user(i))}
  def make(_row, n), do: {:msg, n}

  @doc "Raises if a message is not the whole message number `n`."
  def check({:msg, n}, n), do: :ok
  def check({:object, n, %{tags: [_, "dog"], at: %{lon: 13.25}}}, n), do: :ok

  def check({:text, n, text}, n) when byte_size(text) == @text_size do
    true = :binary.last(text) == 97 + rem(n, @variants)
    :ok
  end

  def check({:bytes, n, bytes}, n) when byte_size(bytes) == @text_size do
    true = :binary.last(bytes) == rem(n, @variants)
    :ok
  end

  def check({:large, n, list}, n) when length(list) == @large_size do
    %{tags: [_, "dog"], at: %{lon: 13.25}} = List.last(list)
    :ok
  end

  @huge_bytes 100_000_000
  @huge_list 100_000

  @doc "Large messages: 100 MB of bytes in one or four, or 100,000 objects, which are 10 MB as JSON."
  def large(:beside_bytes), do: [:binary.copy(<<7>>, @huge_bytes)]
  def large(:beside_parts), do: for(_ <- 1..4, do: :binary.copy(<<7>>, div(@huge_bytes, 4)))
  def large(:beside_object), do: [for(n <- 1..@huge_list, do: user(n))]

  @doc "Raises if a large message has changed."
  def check_large(data) when byte_size(data) in [@huge_bytes, div(@huge_bytes, 4)] do
    7 = :binary.at(data, div(byte_size(data), 2))
    7 = :binary.last(data)
    :ok
  end

  def check_large(data) when length(data) == @huge_list do
    %{tags: [_, "dog"], at: %{lon: 13.25}} = List.last(data)
    :ok
  end

  # Made anew each time: a literal would be sent without being built.
  defp user(n) do
    %{name: "alex", tags: ["cat", "dog"], at: %{lat: 52.5 + n * 0, lon: 13.25 + n * 0}}
  end

  defp texts, do: unquote(Macro.escape(List.to_tuple(@texts)))
  defp bytes, do: unquote(Macro.escape(List.to_tuple(@bytes)))
end

defmodule Bench.Peer do
  @moduledoc "What runs on the measured peer."

  @doc "Starts the task supervisor, says that it is ready, and lives until stdin closes."
  def main do
    {:ok, _} = Task.Supervisor.start_link(name: Bench.TaskSupervisor)
    {:ok, _} = GenServer.start_link(Bench.Echo, nil, name: Bench.Echo)
    IO.puts("READY #{System.pid()}")
    wait_for_eof()
  end

  @doc "Answers each ping to the pid that it carries."
  def pong do
    receive do
      {:ping, from, n} when is_integer(n) ->
        send(from, {:pong, n})
        pong()
    end
  end

  @doc "Checks and counts `total` messages, says so to `from`, and starts again."
  def count(from, total) do
    count_up(0, total)
    send(from, {:counted, total})
    count(from, total)
  end

  @doc "Takes `total` large messages, checks them, and says so to `from`."
  def take(from, total) do
    for _ <- 1..total do
      receive do
        {:data, data} -> Bench.Payload.check_large(data)
      end
    end

    send(from, :taken)
  end

  @doc "Computes in steps of that many milliseconds, for ever: yields after one, and takes a message after the next."
  def work(ms) do
    compute_for(ms)
    Process.sleep(0)
    compute_for(ms)
    send(self(), :next)
    receive do: (:next -> work(ms))
  end

  @doc "The body of the task: as little as possible."
  def echo(n), do: n

  defp compute_for(ms) do
    compute(System.monotonic_time() + System.convert_time_unit(ms, :millisecond, :native))
  end

  defp compute(until) do
    if System.monotonic_time() < until, do: compute(until)
  end

  defp count_up(total, total), do: :ok

  defp count_up(n, total) do
    receive do
      message -> Bench.Payload.check(message, n)
    end

    count_up(n + 1, total)
  end

  defp wait_for_eof do
    case IO.read(:stdio, :line) do
      data when is_binary(data) -> wait_for_eof()
      _ -> System.halt(0)
    end
  end
end

defmodule Bench.Client do
  @moduledoc "Measures one row against peers, prints one JSON line, and stops."

  @flood_ms 10_000

  @doc "Runs a job: `warmup` rounds that do not count, and then `rounds` that do."
  def main(job) do
    counted = "#{job.row}" =~ "connections"
    for peer <- job.peers, not counted, do: true = Node.connect(peer)
    IO.puts(run(job.row, hd(job.peers), job))
    System.halt(0)
  end

  defp run(row, peer, job) when row in [:round_trip, :round_trip_cold] do
    pid = Node.spawn(peer, Bench.Peer, :pong, [])
    ping(pid, self(), job.warmup, [])
    latencies(ping(pid, self(), job.rounds, []))
  end

  defp run(:task, peer, job) do
    timed(job, fn n -> task(peer, n) end)
  end

  defp run(:call, peer, job) do
    timed(job, fn n -> GenServer.call({Bench.Echo, peer}, {:echo, n}) end)
  end

  defp run(:tasks, peer, job), do: asked(job, fn n -> task(peer, n) end)

  defp run(:calls, peer, job) do
    asked(job, fn n -> GenServer.call({Bench.Echo, peer}, {:echo, n}) end)
  end

  defp run(:pairs, peer, job) do
    rated(job, fn rounds ->
      together(job.callers, fn _ -> send_all(peer, :pairs, div(rounds, job.callers)) end)
    end)
  end

  defp run(:nodes, _peer, job) do
    count = length(job.peers)

    rated(job, fn rounds ->
      together(count, fn i -> send_all(Enum.at(job.peers, i - 1), :nodes, div(rounds, count)) end)
    end)
  end

  defp run(row, _peer, job) when row in [:registrations, :registrations_50] do
    for peer <- job.peers, do: :ok = :rpc.call(peer, :global, :sync, [])
    :ok = :global.sync()

    rated(job, fn rounds ->
      together(job.callers, fn _ -> register_each(div(rounds, job.callers)) end)
    end)
  end

  defp run(row, peer, job) when row in [:beside_bytes, :beside_parts, :beside_object] do
    beside(row, peer, job)
  end

  defp run(row, peer, job) when row in [:busy_1, :busy_5, :busy_30] do
    "busy_" <> ms = Atom.to_string(row)
    for _ <- 1..2, do: Node.spawn_link(peer, Bench.Peer, :work, [String.to_integer(ms)])

    # Different pauses: otherwise each call would come at the same moment of a step.
    times =
      for n <- 0..(job.warmup + job.rounds - 1) do
        Process.sleep(1 + rem(n, 7))
        started = System.monotonic_time(:nanosecond)
        ^n = GenServer.call({Bench.Echo, peer}, {:echo, n})
        System.monotonic_time(:nanosecond) - started
      end

    latencies(Enum.drop(times, job.warmup))
  end

  defp run(:flood, peer, job) do
    pid = Node.spawn(peer, Bench.Peer, :pong, [])
    ping(pid, self(), job.warmup, [])
    before = resident()
    {_, 0} = System.cmd("kill", ["-STOP", "#{job.peer_process}"])
    spawn_link(fn -> flood(pid, 0) end)
    most = Enum.max(for(_ <- 1..div(@flood_ms, 50), do: Process.sleep(50) && resident()))
    ~s({"bytes":#{max(most - before, 0)}})
  end

  # Some connections come before, as the first ones load code.
  defp run(row, _peer, job) when row in [:connections_2, :connections_8, :connections_32] do
    {first, others} = Enum.split(job.peers, job.warmup)
    for each <- first, do: use_once(each)
    before = memory()
    for each <- others, do: use_once(each)
    ~s({"bytes":#{(memory() - before) / length(others)}})
  end

  defp run(row, peer, job), do: rated(job, fn rounds -> send_all(peer, row, rounds) end)

  defp register_each(0), do: :ok

  defp register_each(n) do
    pid = spawn(Bench.Local, :wait, [])
    :yes = :global.register_name({:name, System.unique_integer()}, pid)
    register_each(n - 1)
  end

  defp use_once(peer) do
    true = Node.connect(peer)
    ping(Node.spawn(peer, Bench.Peer, :pong, []), self(), 1, [])
  end

  # The least of some: a program that was just busy still frees memory.
  defp memory do
    Enum.min(
      for _ <- 1..5 do
        Process.sleep(100)
        for pid <- Process.list(), do: :erlang.garbage_collect(pid)
        :erlang.memory(:total)
      end
    )
  end

  defp task(peer, n) do
    Task.Supervisor.async({Bench.TaskSupervisor, peer}, Bench.Peer, :echo, [n]) |> Task.await()
  end

  defp flood(pid, n) do
    send(pid, Bench.Payload.make(:one_way_text, n))
    flood(pid, n + 1)
  end

  defp resident do
    [_, kilobytes] = Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/self/status"))
    String.to_integer(kilobytes) * 1024
  end

  defp beside(row, peer, job) do
    pong = Node.spawn(peer, Bench.Peer, :pong, [])
    ping(pong, self(), job.warmup, [])
    main = self()

    spawn_link(fn ->
      all = Bench.Payload.large(row)
      taker = Node.spawn(peer, Bench.Peer, :take, [self(), length(all)])
      send(main, :built)
      for data <- all, do: send(taker, {:data, data})

      receive do
        :taken -> send(main, :taken)
      end
    end)

    receive do
      :built -> :ok
    end

    latencies(ping_until_taken(pong, main, 0, []))
  end

  defp ping_until_taken(pid, me, n, times) do
    [time] = ping(pid, me, 1, [])

    receive do
      :taken -> [time | times]
    after
      0 -> ping_until_taken(pid, me, n + 1, [time | times])
    end
  end

  defp ping(_pid, _me, 0, times), do: times

  defp ping(pid, me, n, times) do
    started = System.monotonic_time(:nanosecond)
    send(pid, {:ping, me, n})

    receive do
      {:pong, ^n} -> :ok
    end

    ping(pid, me, n - 1, [System.monotonic_time(:nanosecond) - started | times])
  end

  defp send_all(peer, row, rounds) do
    pid = Node.spawn(peer, Bench.Peer, :count, [self(), rounds])
    send_each(pid, row, 0, rounds)

    receive do
      {:counted, ^rounds} -> :ok
    end
  end

  defp send_each(_pid, _row, rounds, rounds), do: :ok

  defp send_each(pid, row, n, rounds) do
    send(pid, Bench.Payload.make(row, n))
    send_each(pid, row, n + 1, rounds)
  end

  # Runs that many processes at once.
  defp together(count, work) do
    me = self()
    for i <- 1..count, do: spawn_link(fn -> work.(i) && send(me, :done) end)

    for _ <- 1..count do
      receive do
        :done -> :ok
      end
    end
  end

  defp asked(job, ask) do
    rated(job, fn rounds ->
      together(job.callers, fn _ -> ask_each(ask, 0, div(rounds, job.callers)) end)
    end)
  end

  defp ask_each(_ask, rounds, rounds), do: :ok

  defp ask_each(ask, n, rounds) do
    ^n = ask.(n)
    ask_each(ask, n + 1, rounds)
  end

  defp timed(job, ask) do
    timed_each(ask, job.warmup, [])
    latencies(timed_each(ask, job.rounds, []))
  end

  defp timed_each(_ask, 0, times), do: times

  defp timed_each(ask, n, times) do
    started = System.monotonic_time(:nanosecond)
    ^n = ask.(n)
    timed_each(ask, n - 1, [System.monotonic_time(:nanosecond) - started | times])
  end

  defp rated(job, work) do
    if job.warmup > 0, do: work.(job.warmup)
    started = System.monotonic_time(:nanosecond)
    work.(job.rounds)
    ~s({"rate":#{job.rounds * 1.0e9 / (System.monotonic_time(:nanosecond) - started)}})
  end

  defp latencies(times) do
    sorted = Enum.sort(times)
    count = length(sorted)
    at = fn part -> Enum.at(sorted, max(ceil(count * part) - 1, 0)) / 1000 end
    mean = Enum.sum(sorted) / count / 1000
    ~s({"median":#{at.(0.5)},"mean":#{mean},"p99":#{at.(0.99)},"max":#{at.(1)}})
  end
end

defmodule Bench.Local do
  @moduledoc "Measures what needs one node only, and prints one JSON line."

  @doc "Runs a job: `warmup` rounds that do not count, and then `rounds` that do."
  def main(job) do
    IO.puts(run(job.row, job))
    System.halt(0)
  end

  defp run(row, job) when row in [:idle_1k, :idle_10k, :idle_100k] do
    idle(job.warmup)
    before = memory()
    pids = idle(job.rounds)
    bytes = (memory() - before) / length(pids)
    ~s({"bytes":#{bytes}})
  end

  defp run(:local_call, job) do
    {:ok, pid} = GenServer.start_link(Bench.Echo, nil)
    cost(job, &calls(pid, &1))
  end

  defp run(:local_round_trip, job) do
    pid = spawn(Bench.Peer, :pong, [])
    cost(job, &ping(pid, self(), &1))
  end

  defp run(:spawn, job), do: cost(job, &spawn_each(&1))
  defp run(:spawn_many, job), do: cost(job, &batches(div(&1, 1000)))

  defp run(row, job) when row in [:supervisors, :supervisors_cold] do
    cost(job, &supervise(div(&1, 1000)))
  end

  @doc "The code of an idle process."
  def wait do
    receive do
      :stop -> :ok
    end
  end

  @doc "The code of a process that exits at once."
  def nothing, do: :ok

  defp supervise(0), do: :ok

  defp supervise(left) do
    pids = for _ <- 1..1000, do: elem(Supervisor.start_link([], strategy: :one_for_one), 1)
    for pid <- pids, do: :ok = Supervisor.stop(pid)
    supervise(left - 1)
  end

  defp idle(count), do: for(_ <- 1..count, do: spawn(__MODULE__, :wait, []))

  defp memory do
    :erlang.garbage_collect()
    :erlang.memory(:total)
  end

  defp cost(job, work) do
    work.(job.warmup)
    started = System.monotonic_time(:nanosecond)
    work.(job.rounds)
    ~s({"cost":#{(System.monotonic_time(:nanosecond) - started) / job.rounds / 1000}})
  end

  defp calls(_pid, 0), do: :ok

  defp calls(pid, n) do
    ^n = GenServer.call(pid, {:echo, n})
    calls(pid, n - 1)
  end

  defp ping(_pid, _me, 0), do: :ok

  defp ping(pid, me, n) do
    send(pid, {:ping, me, n})

    receive do
      {:pong, ^n} -> ping(pid, me, n - 1)
    end
  end

  defp spawn_each(0), do: :ok

  defp spawn_each(left) do
    {_, ref} = spawn_monitor(__MODULE__, :nothing, [])

    receive do
      {:DOWN, ^ref, _, _, _} -> spawn_each(left - 1)
    end
  end

  defp batches(0), do: :ok

  defp batches(left) do
    batch(999)
    {_, ref} = spawn_monitor(__MODULE__, :nothing, [])

    receive do
      {:DOWN, ^ref, _, _, _} -> batches(left - 1)
    end
  end

  defp batch(0), do: :ok

  defp batch(left) do
    spawn(__MODULE__, :nothing, [])
    batch(left - 1)
  end
end
