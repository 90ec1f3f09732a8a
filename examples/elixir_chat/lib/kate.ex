defmodule Kate do
  @moduledoc false

  def say_name do
    IO.puts("Hi, my name is Kate")
  end
end
