/*
 * Which node may answer for a key: leases, epochs, the output gate, hand-over, and a store that answers late or goes back.
 *
 * Two nodes, and two keys in a shard each. Each action is one step, and all orders of all actions are searched. The comment
 * of an action names the function that does it. A node that does nothing while the clock ticks is frozen, or cut off.
 *
 * A renewal has three steps, so its answer may be late. A write and a change of an owner are each sent as the only one of
 * their node; they may arrive at any later time, more than once, and also after their sender has given them up.
 *
 * Bounds: the numbers of joins, changes of owners and writes, beside the start, in which node 0 owns key 0 and node 1 key 1.
 */
#ifndef JOINS
#define JOINS 1
#endif
#ifndef MOVES
#define MOVES 2
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifndef SERVES
#define SERVES 1 /* The ticks of a lease in which its owner serves. */
#endif
#ifndef DEAD
#define DEAD SERVES /* The ticks after which a node whose beat is unchanged is removed. */
#endif
#ifndef BACKS
#define BACKS 0  /* How often the store goes back: it loses its last transaction. */
#endif
#define other (1 - n)
#define me node[n]

/* The store. The id of a node is 1 + n, and 2 more after each join, so it does not come back. */
byte member[2];  /* The id of each node, or 0. */
bool isNew[2];   /* Whether the other node has not seen the last beat. */
byte owner[2]; byte epoch[2]; byte version[2];
byte writer[2];  /* The id and the epoch of the writer stand for the body. */

typedef Node {
  byte id; byte joined; byte lease;
  byte renewal;         /* 0: none; 1: sent; 2: arrived; 3: refused. */
  byte age;             /* The ticks since the renewal was sent. */
  byte seen; byte since; /* The other node, and the ticks since its beat has changed. */
  byte own[2];          /* The epoch of an owned shard, or 0. */
  bool isMoving[2];
  byte memory[2];       /* 1 + the version in memory, or 0. */
  byte write[2];        /* 1: a method waits for its write; 2: its answer waits at the gate. */
  bool isBehind         /* Whether the store has gone back, and this node has not noticed. */
}
Node node[2];

/* The last request of each node, which may still arrive: 1 writes a version, 2 gives a shard to a receiver. */
typedef Request { byte kind; byte key; byte from; byte epoch; byte value }
Request sent[2];

byte acked[2];     /* The last version that a caller was told. */
byte joins = JOINS, moves = MOVES, writes = WRITES, backs = BACKS;
byte lastKind, lastKey, lastOwner, lastWriter; /* The store's last transaction: 1 is a write, 2 is a change of an owner. */

#define valid(i) (node[i].id != 0 && node[i].lease > 0)
#ifdef NO_GATE
#define mayAnswer(i) (node[i].id != 0)
#else
#define mayAnswer(i) valid(i)
#endif
#ifdef NO_EPOCH_CHECK
#define fits(r, k) (owner[k] != 0)
#else
#define fits(r, k) (owner[k] == r.from && epoch[k] == r.epoch)
#endif
#define isWaiting(n) (node[n].write[0] == 1 || node[n].write[1] == 1 || node[n].isMoving[0] || node[n].isMoving[1])
#define BODY (sent[n].from * 8 + sent[n].epoch)
#define UP_TO_DATE (!node[0].isBehind && !node[1].isBehind)

#if BACKS > 0
#define note(kind, k) lastKind = kind; lastKey = k; lastOwner = owner[k]; lastWriter = writer[k]
#else
#define note(kind, k) skip
#endif
#define change(k, to) note(2, k); owner[k] = to; epoch[k]++; moves--
inline close(k) { me.own[k] = 0; me.isMoving[k] = false; me.memory[k] = 0; me.write[k] = 0 }
inline leave() { me.id = 0; me.lease = 0; me.seen = 0; me.since = 0; me.isBehind = false; close(0); close(1) }
inline learn(k) {
  if :: me.own[k] != 0 && (owner[k] != me.id || epoch[k] != me.own[k]) -> close(k) :: else fi;
  if :: owner[k] == me.id && me.own[k] == 0 -> me.own[k] = epoch[k] :: else fi
}
inline arriveGive() {
  if
  :: sent[n].kind == 2 && fits(sent[n], sent[n].key) && moves > 0 &&
     (sent[n].value == member[0] || sent[n].value == member[1]) -> change(sent[n].key, sent[n].value)
  :: else
  fi
}
/* Sets `result`: 0 fenced, 1 stored, 2 conflict. */
inline arriveWrite(result) {
  if
  :: !fits(sent[n], sent[n].key) -> result = 0
  :: else ->
    if
    :: version[sent[n].key] == sent[n].value && writer[sent[n].key] == BODY -> result = 1
    :: version[sent[n].key] + 1 == sent[n].value ->
      note(1, sent[n].key); version[sent[n].key]++; writer[sent[n].key] = BODY; result = 1
    :: else -> result = 2
    fi
  fi
}
/* A request that the store will refuse for ever is forgotten, which leaves fewer states. */
inline forget() {
#if !defined(NO_EPOCH_CHECK) && BACKS == 0
  if
  :: sent[n].kind != 0 && (!fits(sent[n], sent[n].key) || (sent[n].kind == 1 && version[sent[n].key] > sent[n].value)) && !isWaiting(n) ->
    sent[n].kind = 0; sent[n].key = 0; sent[n].from = 0; sent[n].epoch = 0; sent[n].value = 0
  :: else
  fi;
#endif
  skip
}
inline check() {
  /* No answered write is lost, and no two nodes answer for one key. */
  assert(version[0] >= acked[0] && version[1] >= acked[1]);
  assert(!UP_TO_DATE || !mayAnswer(0) || !mayAnswer(1) ||
         ((node[0].own[0] == 0 || node[0].isMoving[0] || node[1].own[0] == 0 || node[1].isMoving[0]) &&
          (node[0].own[1] == 0 || node[0].isMoving[1] || node[1].own[1] == 0 || node[1].isMoving[1])))
}

proctype Clock() {
  byte i;
  do
  /* [StoreLease.isValid] One tick of the monotonic clocks of both nodes. */
  :: d_step {
      for (i : 0 .. 1) {
        if :: node[i].lease > 0 -> node[i].lease-- :: else fi;
        if :: node[i].renewal == 1 || node[i].renewal == 2 -> node[i].age++ :: else fi;
        if
        :: node[i].age == SERVES ->
          node[i].age = 0;
#ifndef LEASE_FROM_ANSWER
          node[i].renewal = 0 /* Its answer could not prolong the lease any more. */
#endif
        :: else
        fi;
        if :: node[i].seen != 0 && node[i].since < DEAD -> node[i].since++ :: else fi
      };
      i = 0
    }
  /* [StoreLease.isValid] A wall clock that is set can only end a lease. */
  :: d_step { node[0].lease > 0 -> node[0].lease = 0 }
#ifdef WALL_CLOCK
  /* An error: a wall clock that is set back prolongs a lease. */
  :: d_step { node[0].id != 0 && node[0].lease == 0 -> node[0].lease = 1 }
#endif
  /* [EntityNode.forgetStore] The store loses its last transaction, and callers lose the write if it was one. */
  :: d_step {
      backs > 0 && lastKind != 0 ->
      if
      :: lastKind == 1 -> version[lastKey]--; writer[lastKey] = lastWriter
      :: else -> owner[lastKey] = lastOwner; epoch[lastKey]--
      fi;
      if :: acked[lastKey] > version[lastKey] -> acked[lastKey] = version[lastKey] :: else fi;
      node[0].isBehind = node[0].id != 0; node[1].isBehind = node[1].id != 0;
      lastKind = 0; lastKey = 0; lastOwner = 0; lastWriter = 0; backs--
    }
  od
}

proctype Keep(byte n) {
  do
  /* [Keeper.#renew] A node that is not in the store joins, with another id. */
  :: d_step {
      me.id == 0 && me.renewal == 0 && joins > 0 ->
      me.joined++; me.id = 1 + n + 2 * me.joined; member[n] = me.id; isNew[n] = true; joins--; forget()
    }
  /* [Keeper.#renew] The renewal is sent. */
  :: d_step { me.id != 0 && me.renewal == 0 -> me.renewal = 1; me.age = 0 }
  /* [Store.beat] It arrives; the view has the other node's beat. */
  :: d_step {
      me.renewal == 1 ->
      if
      :: me.id == 0 || member[n] != me.id -> me.renewal = 3
      :: else ->
        me.renewal = 2; isNew[n] = true;
        if
        :: member[other] != me.seen || isNew[other] -> me.seen = member[other]; me.since = 0; isNew[other] = false
        :: else
        fi
      fi
    }
  /* [StoreLease.renew] Its answer is here, and the lease counts from when it was sent. */
  :: d_step {
      me.renewal == 2 && me.id != 0 && !me.isBehind ->
#ifdef LEASE_FROM_ANSWER
      me.lease = SERVES;
#else
      if :: me.lease < SERVES - me.age -> me.lease = SERVES - me.age :: else fi;
#endif
      me.renewal = 0; me.age = 0; check()
    }
  /* [Keeper.#startAnew] The answer shows that the store has gone back. */
  :: d_step { me.renewal == 2 && me.isBehind -> me.renewal = 0; me.age = 0; leave(); forget() }
  /* [EntityNode.closeAll] The store has removed this node. */
  :: d_step { me.renewal == 3 -> me.renewal = 0; me.age = 0; leave(); forget() }
  /* [EntityNode.ask] The node gives the renewal up. */
  :: d_step { me.renewal != 0 -> me.renewal = 0; me.age = 0 }
  /* [Keeper.#removeDead] The other node is removed, if its beat is still the one that was seen. */
  :: d_step {
      me.id != 0 && me.seen != 0 && me.since >= DEAD ->
      if :: member[other] == me.seen && !isNew[other] -> member[other] = 0 :: else fi;
      me.seen = 0; me.since = 0
    }
  od
}

proctype Work(byte n; byte k) {
  byte result;
  do
  /* [Store.claim] The owner is not in the store any more. The claim's answer may be lost. */
  :: d_step {
      me.id != 0 && member[n] == me.id && owner[k] != member[0] && owner[k] != member[1] && moves > 0 ->
      change(k, me.id); forget()
    }
  /* [EntityNode.learn] A view, or the answer to a claim. */
  :: d_step { me.id != 0 && !me.isMoving[k] && !me.isBehind && (owner[k] == me.id) != (me.own[k] == epoch[k]) -> learn(k); check(); forget() }
  /* [Mover.#empty] No method runs, and no other begins; the request to change the owner is sent. */
  :: d_step {
      valid(n) && me.own[k] != 0 && !isWaiting(n) && me.write[k] == 0 && member[other] != 0 ->
      me.isMoving[k] = true; me.memory[k] = 0;
      sent[n].kind = 2; sent[n].key = k; sent[n].from = me.id; sent[n].epoch = me.own[k]; sent[n].value = member[other]
    }
  /* [Store.give] The request arrives, and its answer is lost. */
  :: d_step { sent[n].kind == 2 && sent[n].key == k -> arriveGive(); forget() }
  /* [Mover.#give] An answer is here. A shard that the store still has at this node opens again. */
  :: d_step { me.isMoving[k] -> arriveGive(); me.isMoving[k] = false; learn(k); check(); forget() }
#ifdef REOPENS
  /* An error: the shard opens again when the answer is late. */
  :: d_step { me.isMoving[k] -> me.isMoving[k] = false; check() }
#endif
  /* [EntityServer.#load] */
  :: d_step { valid(n) && me.own[k] != 0 && !me.isMoving[k] && me.memory[k] == 0 -> me.memory[k] = 1 + version[k] }
  /* [Writer.write] A method has changed the state. */
  :: d_step {
      valid(n) && me.memory[k] != 0 && !isWaiting(n) && me.write[k] == 0 && writes > 0 ->
      me.write[k] = 1; writes--;
      sent[n].kind = 1; sent[n].key = k; sent[n].from = me.id; sent[n].epoch = me.own[k]; sent[n].value = me.memory[k]
    }
  /* [Store.write] The write arrives, and its answer is lost. */
  :: d_step { sent[n].kind == 1 && sent[n].key == k -> arriveWrite(result); result = 0; forget() }
  /* [Writer.#try] Its answer is here. An entity whose write was refused ends, and starts from what the store has. */
  :: d_step {
      me.write[k] == 1 ->
      arriveWrite(result);
      if :: result == 1 -> me.write[k] = 2; me.memory[k]++ :: else -> me.write[k] = 0; me.memory[k] = 0 fi;
      result = 0; forget()
    }
  /* [EntityServer.#untilItMayLeave] The output gate: the answer of a method that has written leaves. */
  :: d_step {
      me.write[k] == 2 && mayAnswer(n) ->
      assert(!UP_TO_DATE || me.memory[k] - 1 > acked[k]);
      if :: version[k] >= me.memory[k] - 1 || UP_TO_DATE -> acked[k] = me.memory[k] - 1 :: else fi;
      me.write[k] = 0; check()
    }
  /* [EntityServer.#finish] A method that only reads is answered. */
  :: d_step {
      mayAnswer(n) && me.memory[k] != 0 && me.write[k] == 0 ->
      assert(!UP_TO_DATE || me.memory[k] - 1 >= acked[k])
    }
  od
}

init {
  byte n;
  d_step {
    for (n : 0 .. 1) {
      member[n] = 1 + n; me.id = 1 + n; me.lease = SERVES; isNew[n] = true;
      owner[n] = 1 + n; epoch[n] = 1; me.own[n] = 1
    };
    n = 0
  };
  atomic { run Clock(); run Keep(0); run Keep(1); run Work(0, 0); run Work(0, 1); run Work(1, 0); run Work(1, 1) }
}
