defmodule Conformance.Supervision do
  @moduledoc "Children that tell of themselves, for the scenarios of supervisors; `../_supervision.ts` has the same."

  import Conformance

  @doc """
  A child that tells the caller `{:up, id}` when it starts. With `trap: true` it traps exits, and tells
  `{:down, id, reason}` when it is told to end; with `slow: true` it then waits for `:go`, with
  `stubborn: true` it does not end. `{:exit, reason}` has it exit. Other options are its specification's.
  """
  def probe(id, options \\ []) do
    {own, spec} = Keyword.split(options, [:trap, :slow, :stubborn])
    start = {__MODULE__, :start_probe, [id, self(), Map.new(own)]}
    Map.merge(%{id: id, start: start}, Map.new(spec))
  end

  def start_probe(id, observer, own \\ %{}) do
    send(observer, {:up, id})
    caller = self()

    pid =
      spawn_link(fn ->
        Process.flag(:trap_exit, map_size(own) > 0)
        send(caller, {:ready, self()})
        serve(id, observer, own)
      end)

    receive do
      {:ready, ^pid} -> {:ok, pid}
    end
  end

  defp serve(id, observer, own) do
    receive do
      {:exit, reason} ->
        exit(reason)

      {:EXIT, _, reason} ->
        send(observer, {:down, id, reason})
        if own[:slow], do: expect(:go)
        if own[:stubborn], do: serve(id, observer, own), else: exit(reason)
    end
  end

  @doc """
  A child as `probe` makes it, some of whose starts, counted from 1, fail: it tells `{:failing, id}`, and
  with `wait: true` waits for `:fail` before it does.
  """
  def flaky(id, failing, options \\ []) do
    {wait, options} = Keyword.pop(options, :wait, false)
    %{start: {_, _, args}} = spec = probe(id, options)
    start = {__MODULE__, :start_flaky, [:counters.new(1, []), failing, wait | args]}
    %{spec | start: start}
  end

  def start_flaky(counter, failing, wait, id, observer, own) do
    :counters.add(counter, 1, 1)

    if :counters.get(counter, 1) in failing do
      send(observer, {:failing, id})
      if wait, do: expect(:fail)
      {:error, :not_yet}
    else
      start_probe(id, observer, own)
    end
  end

  @doc "The children of a supervisor: id, pid and type of each."
  def tree(sup), do: for({id, pid, type, _} <- Supervisor.which_children(sup), do: [id, pid, type])

  @doc "The pid of a supervisor's child."
  def pid_of(sup, id), do: Enum.find_value(Supervisor.which_children(sup), &(elem(&1, 0) == id && elem(&1, 1)))

  @doc "Has a child exit with a reason, and waits until its supervisor has seen to it."
  def finish(sup, id, reason) do
    pid = pid_of(sup, id)
    send(pid, {:exit, reason})
    settle(sup, pid)
  end

  @doc "Waits until a supervisor has seen to the end of a child."
  def settle(sup, pid) do
    if Enum.any?(Supervisor.which_children(sup), &(elem(&1, 1) == pid)), do: settle(sup, pid)
  end

  @doc "Traces so many messages."
  def trace_all(count), do: for(_ <- 1..count//1, do: trace_next("got"))

  @doc "What was answered, without the specification that a supervisor adds to a reason."
  def result({:error, {reason, child}}) when is_tuple(child) and elem(child, 0) == :child, do: {:error, reason}
  def result(other), do: other

  @doc "The reason of a call that failed."
  def failure(fun) do
    try do
      fun.()
    catch
      :exit, {reason, {GenServer, _, _}} -> reason
    end
  end

  @doc "A process that has started a supervisor, is linked to it, and exits as it is told."
  def parent(start) do
    observer = self()

    pid =
      spawn(fn ->
        {:ok, sup} = start.()
        send(observer, {:started, sup})
        receive do: ({:exit, reason} -> exit(reason))
      end)

    {:started, sup} = expect(:started)
    {pid, sup}
  end
end
