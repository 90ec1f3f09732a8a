defmodule Conformance.Dictionary do
  use Conformance

  # A missing label is `undefined` in Erlang, and nothing here.
  defp label(pid) do
    case :proc_lib.get_label(pid) do
      :undefined -> nil
      label -> label
    end
  end

  scenario "put and delete return the old value, get the default" do
    trace("first", Process.put(:a, 1))
    trace("second", Process.put(:a, 2))
    trace("get", Process.get(:a))
    trace("none", Process.get(:b))
    trace("default", Process.get(:b, 5))
    trace("not the default", Process.get(:a, 5))
    trace("delete", Process.delete(:a))
    trace("again", Process.delete(:a))
    trace("get", Process.get(:a))
  end

  scenario "a value of nil is not the default" do
    Process.put(:a, nil)
    trace("get", Process.get(:a, 5))
    trace("keys", Process.get_keys())
  end

  scenario "keys are any terms, and equal ones are one" do
    key = {:ok, [1, %{b: "x", a: self()}]}
    Process.put(key, 1)
    trace("equal", Process.put({:ok, [1, %{a: self(), b: "x"}]}, 2))
    trace("other", Process.get({:ok, [2, %{a: self(), b: "x"}]}))
    trace("how many", length(Process.get_keys()))
  end

  scenario "get_keys has all keys, or those of a value" do
    for {key, value} <- [a: 1, b: [2], c: 1, d: [2]], do: Process.put(key, value)
    trace("all", Enum.sort(Process.get_keys()))
    trace("of 1", Enum.sort(Process.get_keys(1)))
    trace("of [2]", Enum.sort(Process.get_keys([2])))
    trace("of 3", Process.get_keys(3))
  end

  scenario "it belongs to one process, and is not inherited" do
    main = self()
    Process.put(:a, 1)
    spawn(fn -> send(main, {:ok, Process.get(:a)}) end)
    trace_next("its own")
    task = Task.async(fn -> Process.get(:a) end)
    trace("a task's", Task.await(task))
    trace("mine", Process.get(:a))
  end

  scenario "a label is stored there, and info shows it" do
    main = self()
    trace("before", label(self()))
    trace("set", Process.set_label({:ok, 1}))
    trace("keys", length(Process.get_keys()))
    trace("label", label(self()))
    trace("again", Process.set_label(:other))

    pid =
      spawn(fn ->
        trace("of one that it starts", label(self()))
        Process.set_label(:worker)
        send(main, :labelled)
        forever()
      end)

    expect(:labelled)
    trace("of another", label(pid))
    trace("mine", label(self()))
  end
end
