/** A client of the npm package `phoenix`, in Node or a page. It prints all that its code is told. */

/** Connects a user; `globalThis.push` pushes to its room. */
export function start({ Presence, Socket }, url, user) {
  const say = (what, value) =>
    console.log(`${user} ${what} ${JSON.stringify(value)}`);
  const socket = new Socket(url, {
    params: { user },
    reconnectAfterMs: () => 20,
    rejoinAfterMs: () => 20,
  });
  socket.onClose(({ code }) => say("closed", code));
  socket.connect();
  const room = socket.channel("room:a", {});
  const presence = new Presence(room);
  presence.onSync(() =>
    say(
      "sees",
      presence.list((key, { metas }) => `${key} ${metas.length}`).sort(),
    )
  );
  room.on("said", ({ from, text }) => say("hears", [from, text]));
  room.on(
    "said_binary",
    (bytes) => say("hears bytes", [...new Uint8Array(bytes)]),
  );
  room.join().receive("ok", ({ user }) => say("joined", user));
  globalThis.push = (event, payload) => {
    const sent = payload.bytes === undefined
      ? payload
      : Uint8Array.from(payload.bytes).buffer;
    room.push(event, sent)
      .receive("ok", (reply) => say("got", reply))
      .receive("error", (reply) => say("got error", reply));
  };
}
