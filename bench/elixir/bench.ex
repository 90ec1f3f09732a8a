# The rival's half of the benchmarks: the same jobs as bench/ours, in the
# same message shapes, written as an Elixir programmer would write them.
# Compiled by `elixirc` before it runs, so that nothing measured is interpreted.

defmodule Bench.Echo do
  @moduledoc "The server that is called."
  use GenServer

  @impl true
  def init(state), do: {:ok, state}

  @impl true
  def handle_call({:echo, value}, _from, state), do: {:reply, value, state}
end

defmodule Bench.Peer do
  @moduledoc "What runs on the measured peer."

  @doc "Starts the task supervisor, says that it is ready, and lives until stdin closes."
  def main do
    {:ok, _} = Task.Supervisor.start_link(name: Bench.TaskSupervisor)
    {:ok, _} = GenServer.start_link(Bench.Echo, nil, name: Bench.Echo)
    IO.puts("READY")
    wait_for_eof()
  end

  @doc "Answers each ping to the pid that it carries."
  def pong do
    receive do
      {:ping, from, n} ->
        send(from, {:pong, n})
        pong()
    end
  end

  @doc "Counts `total` messages, says so to `from`, and starts again."
  def count(from, total) do
    count_down(total)
    send(from, {:counted, total})
    count(from, total)
  end

  @doc "The body of the task: as little as possible."
  def echo(n), do: n

  defp count_down(0), do: :ok

  defp count_down(left) do
    receive do
      _ -> count_down(left - 1)
    end
  end

  defp wait_for_eof do
    case IO.read(:stdio, :line) do
      data when is_binary(data) -> wait_for_eof()
      _ -> System.halt(0)
    end
  end
end

defmodule Bench.Client do
  @moduledoc "Measures one row against a peer, prints one JSON line, and stops."

  @doc "Runs `row` with `warmup` rounds that do not count and then `rounds` that do."
  def main(peer, row, rounds, warmup) do
    true = Node.connect(peer)
    IO.puts(run(row, peer, rounds, warmup))
    System.halt(0)
  end

  defp run(:round_trip, peer, rounds, warmup) do
    pid = Node.spawn(peer, Bench.Peer, :pong, [])
    ping(pid, self(), warmup, [])
    latencies(ping(pid, self(), rounds, []))
  end

  defp run(:one_way, peer, rounds, warmup) do
    one_way(peer, rounds, warmup, &{:msg, &1})
  end

  defp run(:one_way_text, peer, rounds, warmup) do
    text = String.duplicate("0123456789", 100)
    one_way(peer, rounds, warmup, fn _ -> text end)
  end

  defp run(:one_way_bytes, peer, rounds, warmup) do
    run(:one_way_text, peer, rounds, warmup)
  end

  defp run(:one_way_object, peer, rounds, warmup) do
    one_way(peer, rounds, warmup, fn n ->
      %{
        type: :order,
        id: n,
        user: %{name: "alex", age: 30},
        items: [%{sku: "a1", count: 2}, %{sku: "b2", count: 1}],
        paid: true
      }
    end)
  end

  defp run(:tasks, peer, rounds, warmup) do
    supervisor = {Bench.TaskSupervisor, peer}
    by_many(rounds, warmup, &tasks(supervisor, &1, []))
  end

  defp run(:calls, peer, rounds, warmup) do
    by_many(rounds, warmup, &calls({Bench.Echo, peer}, &1, []))
  end

  defp run(:task, peer, rounds, warmup) do
    supervisor = {Bench.TaskSupervisor, peer}
    tasks(supervisor, warmup, [])
    latencies(tasks(supervisor, rounds, []))
  end

  defp run(:call, peer, rounds, warmup) do
    calls({Bench.Echo, peer}, warmup, [])
    latencies(calls({Bench.Echo, peer}, rounds, []))
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

  defp one_way(peer, rounds, warmup, make) do
    send_and_count(peer, warmup, make)
    rate(rounds, send_and_count(peer, rounds, make))
  end

  defp rate(rounds, elapsed), do: ~s({"rate":#{rounds * 1.0e9 / elapsed}})

  defp by_many(rounds, warmup, ask) do
    askers(warmup, ask)
    rate(rounds, askers(rounds, ask))
  end

  defp askers(rounds, ask) do
    started = System.monotonic_time(:nanosecond)

    for(_ <- 1..100, do: spawn_monitor(fn -> ask.(div(rounds, 100)) end))
    |> Enum.each(fn {_, ref} ->
      receive do
        {:DOWN, ^ref, _, _, :normal} -> :ok
      end
    end)

    System.monotonic_time(:nanosecond) - started
  end

  defp send_and_count(peer, rounds, make) do
    pid = Node.spawn(peer, Bench.Peer, :count, [self(), rounds])
    started = System.monotonic_time(:nanosecond)
    send_all(pid, rounds, make)

    receive do
      {:counted, ^rounds} -> System.monotonic_time(:nanosecond) - started
    end
  end

  defp send_all(_pid, 0, _make), do: :ok

  defp send_all(pid, n, make) do
    send(pid, make.(n))
    send_all(pid, n - 1, make)
  end

  defp tasks(_supervisor, 0, times), do: times

  defp tasks(supervisor, n, times) do
    started = System.monotonic_time(:nanosecond)
    ^n = Task.Supervisor.async(supervisor, Bench.Peer, :echo, [n]) |> Task.await()
    tasks(supervisor, n - 1, [System.monotonic_time(:nanosecond) - started | times])
  end

  defp calls(_server, 0, times), do: times

  defp calls(server, n, times) do
    started = System.monotonic_time(:nanosecond)
    ^n = GenServer.call(server, {:echo, n})
    calls(server, n - 1, [System.monotonic_time(:nanosecond) - started | times])
  end

  defp latencies(times) do
    sorted = Enum.sort(times)
    count = length(sorted)
    median = Enum.at(sorted, div(count, 2)) / 1000
    p99 = Enum.at(sorted, div(count * 99, 100)) / 1000
    mean = Enum.sum(sorted) / count / 1000
    ~s({"median":#{median},"mean":#{mean},"p99":#{p99}})
  end
end

defmodule Bench.Local do
  @moduledoc "Measures what needs one node only, and prints one JSON line."

  @doc "Runs `row` with `warmup` rounds that do not count and then `rounds` that do."
  def main(row, rounds, warmup) do
    IO.puts(run(row, rounds, warmup))
    System.halt(0)
  end

  defp run(:idle, rounds, warmup) do
    idle(warmup)
    before = memory()
    pids = idle(rounds)
    bytes = (memory() - before) / length(pids)
    ~s({"bytes":#{bytes}})
  end

  defp run(:local_call, rounds, warmup) do
    {:ok, pid} = GenServer.start_link(Bench.Echo, nil)
    cost(rounds, warmup, &calls(pid, &1))
  end

  defp run(:local_round_trip, rounds, warmup) do
    pid = spawn(Bench.Peer, :pong, [])
    cost(rounds, warmup, &ping(pid, self(), &1))
  end

  defp run(:spawn, rounds, warmup), do: cost(rounds, warmup, &batches(div(&1, 1000)))

  @doc "What an idle process runs."
  def wait do
    receive do
      :stop -> :ok
    end
  end

  @doc "What a process runs that exits at once."
  def nothing, do: :ok

  defp idle(count), do: for(_ <- 1..count, do: spawn(__MODULE__, :wait, []))

  defp memory do
    :erlang.garbage_collect()
    :erlang.memory(:total)
  end

  defp cost(rounds, warmup, job) do
    job.(warmup)
    started = System.monotonic_time(:nanosecond)
    job.(rounds)
    ~s({"cost":#{(System.monotonic_time(:nanosecond) - started) / rounds / 1000}})
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
