defmodule ChatTest do
  use ExUnit.Case, async: true

  @tag :distributed
  test "send_message" do
    assert Chat.send_message(:moebi@localhost, "hi") == :ok
  end

  test "receive_message prints the message" do
    assert ExUnit.CaptureIO.capture_io(fn -> Chat.receive_message("hi") end) == "hi\n"
  end
end
