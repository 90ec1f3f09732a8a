defmodule Conformance.Tasks do
  @moduledoc "What the scenarios of tasks share; `../_tasks.ts` has the same."

  import Conformance

  @doc "A task's body: tells who it is, and never ends."
  def endless(to) do
    send(to, {:started, self()})
    forever()
  end

  @doc "A task's body: tells who it is, and gives the message that it then gets, or does as it says."
  def obedient(to) do
    send(to, {:started, self()})

    receive do
      {:exit, reason} -> exit(reason)
      {:throw, value} -> throw(value)
      {:give, value} -> value
    end
  end

  @doc "A task's body: traps exits, and when it is told to end, gives, exits or goes on."
  def trapping(to, answer) do
    Process.flag(:trap_exit, true)
    send(to, {:started, self()})
    {:EXIT, _, reason} = expect(:EXIT)

    case answer do
      :give -> {:told, reason}
      :go_on -> forever()
      other -> exit(other)
    end
  end

  @doc "Waits for a task that has started; gives its pid."
  def started do
    {:started, pid} = expect(:started)
    pid
  end

  @doc "On whose behalf the caller runs."
  def callers, do: Process.get(:"$callers", [])

  @doc "Starts a Task.Supervisor, by name, in the calling process."
  def start_sup(options \\ []) do
    {:ok, pid} = Task.Supervisor.start_link(options)
    pid
  end

  @doc "Starts the Task.Supervisor `sup` in the calling process."
  def start_named, do: start_sup(name: :sup)

  @doc "The Task.Supervisor `sup` on a peer."
  def remote_sup(peer) do
    on(peer, :start_named)
    {:sup, peer(peer)}
  end

  @doc "Waits for the end of a process under a monitor that is there already; gives its reason."
  def down(ref) do
    receive do
      {:DOWN, ^ref, _, _, reason} -> reason
    end
  end

  @doc "The reason of a call that fails."
  def why(fun) do
    fun.()
  catch
    :exit, {reason, {_, _, _}} -> reason
  end

  @doc "The reason with which a process ends that runs a function."
  def reason_when(fun) do
    pid =
      spawn(fn ->
        expect(:go)
        fun.()
      end)

    ref = Process.monitor(pid)
    send(pid, :go)
    down(ref)
  end

  @doc "A process that runs a function, and then exits as it is told."
  def owner(fun) do
    spawn(fn ->
      fun.()
      {:exit, reason} = expect(:exit)
      exit(reason)
    end)
  end
end
