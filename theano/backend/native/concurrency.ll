; How a running program gives up the interpreter's lock (the GIL), and how it hands pieces of its work to the pool of
; threads. Part of the module of runtime.ll.
;
; A call that gives up the lock keeps its record to itself until it returns: the word `busy` of the record is set to
; @rt_epoch, and whoever calls the function meanwhile takes the slow path, which has records of its own. The values of
; shared variables that it works with are held, for another thread may replace them. When one did, updates computed from
; the old values are void: the call is made again and keeps the lock (the word `keep`). So calls take effect one after the
; other, whatever they do at the same time. The word before a frame is the address of its record.
;
; The word `keep` has two bits: 1, the call is made again; 2, it writes new values of shared variables over the old ones,
; which nobody else may see half-written: it keeps the lock until it returns, and it can neither fail nor be void any more.

declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)

@rt_epoch = global i64 1      ; how many forks lie behind this process, and 1
@rt_pool = global ptr null    ; runs pieces of work; null before it is needed for the first time
@rt_starter = global ptr null ; the Python function that sets @rt_pool
@rt_missed = internal global i64 0 ; whether somebody wanted the pool who could not start it
@rt_awake = global i64 0      ; workers of the pool that look out for work or have some
@rt_waited = global i64 0     ; nanoseconds that the pool's last job had to wait for workers at its end
@rt_own = global i64 1        ; pieces of it that were not left to workers

; Of short steps that might be shared: when the last one ended; how long those took that came in quick succession and
; found nobody awake; what sharing has gained lately; until when they are not shared, because it has lost.
@short.last = internal global i64 0
@short.quick = internal global i64 0
@short.gained = internal global i64 1000000
@short.banned = internal global i64 0

; Nobody else may use this record until the call returns.
define internal void @occupy(ptr %record) {
entry:
  %epoch = load i64, ptr @rt_epoch
  %busy.p = getelementptr i64, ptr %record, i64 15
  store i64 %epoch, ptr %busy.p
  %pinned.p = getelementptr i64, ptr %record, i64 17
  %pinned = load i64, ptr %pinned.p
  %done = icmp ne i64 %pinned, 0
  br i1 %done, label %out, label %pin
pin:
  %n.p = getelementptr i64, ptr %record, i64 2
  %n = load i64, ptr %n.p
  %cells.p = getelementptr i64, ptr %record, i64 8
  %cells = load ptr, ptr %cells.p
  %pins.p = getelementptr i64, ptr %record, i64 18
  %pins = load ptr, ptr %pins.p
  store i64 %n, ptr %pinned.p
  br label %head
head:
  %i = phi i64 [0, %pin], [%j, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %out
body:
  %cell.p = getelementptr ptr, ptr %cells, i64 %i
  %cell = load ptr, ptr %cell.p
  %items.p = getelementptr i8, ptr %cell, i64 24
  %items = load ptr, ptr %items.p
  %value = load ptr, ptr %items
  call void @incref(ptr %value)
  %pin.p = getelementptr ptr, ptr %pins, i64 %i
  store ptr %value, ptr %pin.p
  %j = add i64 %i, 1
  br label %head
out:
  ret void
}

define internal ptr @record_of(ptr %frame) alwaysinline {
  %p = getelementptr ptr, ptr %frame, i64 -1
  %record = load ptr, ptr %p
  ret ptr %record
}

; Give up the lock, unless that is done already or calls shall keep it.
define void @rt_unlock(ptr %frame) {
  %record = call ptr @record_of(ptr %frame)
  %state.p = getelementptr i64, ptr %record, i64 16
  %state = load ptr, ptr %state.p
  %held = icmp eq ptr %state, null
  %keep.p = getelementptr i64, ptr %record, i64 19
  %keep = load i64, ptr %keep.p
  %free = icmp eq i64 %keep, 0
  %go = and i1 %held, %free
  br i1 %go, label %unlock, label %out
unlock:
  call void @occupy(ptr %record)
  %saved = call ptr @PyEval_SaveThread()
  store ptr %saved, ptr %state.p
  br label %out
out:
  ret void
}

; Called from time to time: give up the lock when that is due, and now and then let Python handle signals, so that Ctrl-C
; ends long calls: 0, or -1 where a handler has raised an error. Not while values are written over, when it is too late to fail.
define i64 @rt_tick(ptr %frame) {
  %now = call i64 @nanoseconds()
  call void @tick_at(ptr %frame, i64 %now)
  %record = call ptr @record_of(ptr %frame)
  %since.p = getelementptr i64, ptr %record, i64 21
  %since = load i64, ptr %since.p
  %taken = sub i64 %now, %since
  %keep.p = getelementptr i64, ptr %record, i64 19
  %keep = load i64, ptr %keep.p
  %due = icmp sgt i64 %taken, {SIGNALS_NANOSECONDS}
  %may.fail = icmp ult i64 %keep, 2
  %go = and i1 %due, %may.fail
  br i1 %go, label %signals, label %out
signals:
  ; handlers are Python, which may call this very function
  store i64 %now, ptr %since.p
  %relocked = call i1 @rt_relock(ptr %frame)
  call void @occupy(ptr %record)
  %failed = call i32 @PyErr_CheckSignals()
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %go.on, label %raise
go.on:
  call void @rt_unlock(ptr %frame)
  br label %out
raise:
  ret i64 -1
out:
  ret i64 0
}
declare i32 @PyErr_CheckSignals()

; Many short steps are long work, too: give up the lock when some time has passed since this was called first in this call.
define internal void @tick_at(ptr %frame, i64 %now) {
  %record = call ptr @record_of(ptr %frame)
  %since.p = getelementptr i64, ptr %record, i64 21
  %since = load i64, ptr %since.p
  %first = icmp eq i64 %since, 0
  br i1 %first, label %begin, label %compare
begin:
  store i64 %now, ptr %since.p
  ret void
compare:
  %taken = sub i64 %now, %since
  %long = icmp sgt i64 %taken, {HOLD_NANOSECONDS}
  br i1 %long, label %unlock, label %out
unlock:
  call void @rt_unlock(ptr %frame)
  br label %out
out:
  ret void
}

; Take the lock again where it was given up; whether it was.
define i1 @rt_relock(ptr %frame) {
  %record = call ptr @record_of(ptr %frame)
  %state.p = getelementptr i64, ptr %record, i64 16
  %state = load ptr, ptr %state.p
  %held = icmp eq ptr %state, null
  br i1 %held, label %no, label %lock
lock:
  call void @PyEval_RestoreThread(ptr %state)
  store ptr null, ptr %state.p
  ret i1 true
no:
  ret i1 false
}

; Start the pool. Python runs meanwhile, and it may call this very function.
define internal void @start_pool(ptr %frame) {
  %record = call ptr @record_of(ptr %frame)
  %relocked = call i1 @rt_relock(ptr %frame)
  call void @occupy(ptr %record)
  %starter = load ptr, ptr @rt_starter
  %result = call ptr @PyObject_Vectorcall(ptr %starter, ptr null, i64 0, ptr null)
  call void @decref(ptr %result)
  ret void
}

; All that can fail is done: new values may go over the old ones, unless other threads have replaced some of those.
define void @rt_begin_updates(ptr %frame) {
entry:
  %record = call ptr @record_of(ptr %frame)
  %relocked = call i1 @rt_relock(ptr %frame)
  %missed = load i64, ptr @rt_missed
  %wanted = icmp ne i64 %missed, 0
  br i1 %wanted, label %start, label %compare
start:
  store i64 0, ptr @rt_missed
  call void @start_pool(ptr %frame)
  br label %compare
compare:
  %pinned.p = getelementptr i64, ptr %record, i64 17
  %pinned = load i64, ptr %pinned.p
  %pins.p = getelementptr i64, ptr %record, i64 18
  %pins = load ptr, ptr %pins.p
  %cells.p = getelementptr i64, ptr %record, i64 8
  %cells = load ptr, ptr %cells.p
  br label %head
head:
  %i = phi i64 [0, %compare], [%j, %body]
  %more = icmp slt i64 %i, %pinned
  br i1 %more, label %body, label %settled
body:
  %cell.p = getelementptr ptr, ptr %cells, i64 %i
  %cell = load ptr, ptr %cell.p
  %items.p = getelementptr i8, ptr %cell, i64 24
  %items = load ptr, ptr %items.p
  %now = load ptr, ptr %items
  %pin.p = getelementptr ptr, ptr %pins, i64 %i
  %pin = load ptr, ptr %pin.p
  %j = add i64 %i, 1
  %same = icmp eq ptr %now, %pin
  br i1 %same, label %head, label %void
settled:
  %keep.p = getelementptr i64, ptr %record, i64 19
  %keep = load i64, ptr %keep.p
  %writes = or i64 %keep, 2
  store i64 %writes, ptr %keep.p
  ret void
void:
  ret void
}

; All pieces of a job, one after the other: 0, or what the first that fails returns.
define i64 @rt_alone(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces) {
entry:
  br label %head
head:
  %piece = phi i64 [0, %entry], [%next, %body]
  %more = icmp slt i64 %piece, %pieces
  br i1 %more, label %body, label %good
body:
  %code = call i64 %function(ptr %frame, ptr %outputs, ptr %task, i64 %piece)
  %next = add i64 %piece, 1
  %ok = icmp eq i64 %code, 0
  br i1 %ok, label %head, label %bad
good:
  ret i64 0
bad:
  ret i64 %code
}

; Whether a short step of so much work is to be shared now. It wakes nobody who sleeps, which takes longer, unless such
; work has come in quick succession for a while; and it is not shared for a while after that has cost more than it gained.
define internal i1 @pays(i64 %now, i64 %work) {
  %banned = load atomic i64, ptr @short.banned monotonic, align 8
  %is.banned = icmp slt i64 %now, %banned
  br i1 %is.banned, label %no, label %look
look:
  %workers = load atomic i64, ptr @rt_awake monotonic, align 8
  %any = icmp sgt i64 %workers, 0
  %before = load atomic i64, ptr @short.last monotonic, align 8
  %gap = sub i64 %now, %before
  %soon = icmp slt i64 %gap, {SPIN_NANOSECONDS}
  %sum = load atomic i64, ptr @short.quick monotonic, align 8
  %quick = select i1 %soon, i64 %sum, i64 0
  %enough = icmp sge i64 %quick, {QUICK_NANOSECONDS}
  %yes = or i1 %any, %enough
  br i1 %yes, label %share, label %alone
share:
  store atomic i64 0, ptr @short.quick monotonic, align 8
  ret i1 true
alone:
  %takes = udiv i64 %work, {WORK_A_NANOSECOND}
  %end = add i64 %now, %takes
  %quick.next = add i64 %quick, %takes
  store atomic i64 %end, ptr @short.last monotonic, align 8
  store atomic i64 %quick.next, ptr @short.quick monotonic, align 8
  br label %no
no:
  ret i1 false
}

; A short step has been shared, since `start`: what workers have saved, less what waiting for them has cost. A worker whose
; core has other work, too, may have to be waited for until it goes on with its piece.
define internal void @account(i64 %start, i64 %pieces) {
  %end = call i64 @nanoseconds()
  store atomic i64 %end, ptr @short.last monotonic, align 8
  %passed = sub i64 %end, %start
  %waited = load i64, ptr @rt_waited
  %worked = sub i64 %passed, %waited
  %own = load i64, ptr @rt_own
  %helped = sub i64 %pieces, %own
  %all.helped = mul i64 %worked, %helped
  %own.least = call i64 @llvm.smax.i64(i64 %own, i64 1)
  %saved = sdiv i64 %all.helped, %own.least
  %saved.most = call i64 @llvm.smin.i64(i64 %saved, i64 {MOST_SAVED})
  %gain = sub i64 %saved.most, %waited
  %gained = load atomic i64, ptr @short.gained monotonic, align 8
  %gained.now = add i64 %gained, %gain
  %gained.most = call i64 @llvm.smin.i64(i64 %gained.now, i64 {MOST_GAINED})
  %lost = icmp slt i64 %gained.most, 0
  br i1 %lost, label %ban, label %out
ban:
  %pause = mul i64 %gained.most, -{BANNED_TIMES}
  %until = add i64 %end, %pause
  store atomic i64 %until, ptr @short.banned monotonic, align 8
  br label %out
out:
  %balance = call i64 @llvm.smax.i64(i64 %gained.most, i64 0)
  store atomic i64 %balance, ptr @short.gained monotonic, align 8
  ret void
}

; Whether this call may use other threads. Code of SciPy may want the lock to report an error: where a call keeps the lock
; from the beginning, no other thread may run that.
define internal i1 @several(ptr %frame) {
  %record = call ptr @record_of(ptr %frame)
  %keep.p = getelementptr i64, ptr %record, i64 19
  %keep = load i64, ptr %keep.p
  %again = and i64 %keep, 1
  %single.p = getelementptr i64, ptr %record, i64 20
  %single = load i64, ptr %single.p
  %either = or i64 %again, %single
  %free = icmp eq i64 %either, 0
  %pool = load ptr, ptr @rt_pool
  %others = icmp ne ptr %pool, @rt_alone
  %may = and i1 %free, %others
  ret i1 %may
}

; All pieces of a job: by several threads if `shared` and the pool is free. Long work is done without the interpreter's
; lock. Short work keeps it, for others would hold it for longer than the work takes.
define internal i64 @pieces(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces, i1 %shared, i1 %short) {
entry:
  br i1 %short, label %choose, label %long
long:
  ; whoever counts steps looks at the time next
  %count.p = getelementptr i64, ptr %frame, i64 {COUNTED_STEPS}
  store i64 {STEPS_A_LOOK}, ptr %count.p
  call void @rt_unlock(ptr %frame)
  br label %choose
choose:
  %divided = icmp sgt i64 %pieces, 1
  %go = and i1 %divided, %shared
  br i1 %go, label %find, label %alone
find:
  %known = load ptr, ptr @rt_pool
  %unknown = icmp eq ptr %known, null
  br i1 %unknown, label %missing, label %run
missing:
  %record = call ptr @record_of(ptr %frame)
  %keep.p = getelementptr i64, ptr %record, i64 19
  %keep = load i64, ptr %keep.p
  %writing = icmp ne i64 %keep, 0
  br i1 %writing, label %miss, label %begin
miss:
  store i64 1, ptr @rt_missed
  br label %alone
begin:
  call void @start_pool(ptr %frame)
  br i1 %short, label %run, label %unlock
unlock:
  call void @rt_unlock(ptr %frame)
  br label %run
run:
  %start = call i64 @nanoseconds()
  %pool = load ptr, ptr @rt_pool
  %code = call i64 %pool(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces)
  br i1 %short, label %settle, label %out
settle:
  call void @account(i64 %start, i64 %pieces)
  br label %out
out:
  ret i64 %code
alone:
  %code.alone = call i64 @rt_alone(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces)
  ret i64 %code.alone
}

; As @pieces, for work that is known to be long.
define i64 @rt_pieces(ptr %frame, ptr %outputs, ptr %function, ptr %task, i64 %pieces) {
  %shared = call i1 @several(ptr %frame)
  %code = call i64 @pieces(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces, i1 %shared, i1 false)
  ret i64 %code
}

; The part of a loop that a task wants done: a dimension and a range in it.
;
; A task: step, dimension, length of a piece in it, its whole length, address of results (0: not those of a dimension that
; is reduced), size of the results of a piece, frame words, the two descriptions of the loop that rt_share is given.
define {i64, i64, i64} @rt_part(ptr %task, i64 %piece) {
  %axis.p = getelementptr i64, ptr %task, i64 1
  %axis = load i64, ptr %axis.p
  %each.p = getelementptr i64, ptr %task, i64 2
  %each = load i64, ptr %each.p
  %extent.p = getelementptr i64, ptr %task, i64 3
  %extent = load i64, ptr %extent.p
  %begin = mul i64 %piece, %each
  %end.full = add i64 %begin, %each
  %end = call i64 @llvm.smin.i64(i64 %end.full, i64 %extent)
  %part.1 = insertvalue {i64, i64, i64} undef, i64 %axis, 0
  %part.2 = insertvalue {i64, i64, i64} %part.1, i64 %begin, 1
  %part.3 = insertvalue {i64, i64, i64} %part.2, i64 %end, 2
  ret {i64, i64, i64} %part.3
}

; Divide a loop, have all its pieces done by calls of `function` with a task, and combine their results: 0, or the code
; that one has left with; or -2, and nothing is done, where the loop is short, has no results to combine, and is better done
; by the caller, all at once.
;
; `loop` holds what is known when compiling: the step; bits of dimensions that are reduced, and 256 if these may not be
; divided; the last of those that may be; what an element costs, in sixteenths; from how much work on several threads are
; used, or -1; of how many rows, a power of two, pieces should be multiples; of how many parts the results are, and the size of an element of each. `now` holds the number of elements,
; lengths of dimensions that may be divided, and for each part its address in the whole, the number of elements, and a
; function that combines the results of all pieces, or null: the one of the part before does that.
define i64 @rt_share(ptr %frame, ptr %outputs, ptr %function, ptr %words, ptr %loop, ptr %now) {
entry:
  %new = alloca [9 x i64]
  %step = load i64, ptr %loop
  %mask.p = getelementptr i64, ptr %loop, i64 1
  %mask = load i64, ptr %mask.p
  %innermost.p = getelementptr i64, ptr %loop, i64 2
  %innermost = load i64, ptr %innermost.p
  %cost.p = getelementptr i64, ptr %loop, i64 3
  %cost = load i64, ptr %cost.p
  %least.p = getelementptr i64, ptr %loop, i64 4
  %least = load i64, ptr %least.p
  %parts.p = getelementptr i64, ptr %loop, i64 6
  %parts = load i64, ptr %parts.p
  %total = load i64, ptr %now
  %work.16 = mul i64 %total, %cost
  %work = lshr i64 %work.16, 4
  %enough = icmp sge i64 %work, %least
  %several = icmp sge i64 %least, 0
  %free = call i1 @several(ptr %frame)
  %may.ever = and i1 %enough, %several
  %may = and i1 %may.ever, %free
  %brief = icmp slt i64 %work, {LONG_WORK}
  br i1 %brief, label %look, label %measure
look:
  %at = call i64 @nanoseconds()
  call void @tick_at(ptr %frame, i64 %at)
  br i1 %may, label %consider, label %refuse
consider:
  %pays = call i1 @pays(i64 %at, i64 %work)
  br i1 %pays, label %measure, label %refuse
refuse:
  %either = or i64 %mask, %parts
  %indifferent = icmp eq i64 %either, 0
  br i1 %indifferent, label %all.at.once, label %measure
all.at.once:
  ret i64 -2
measure:
  %shared = phi i1 [%may, %entry], [true, %consider], [false, %refuse]
  %size = call i64 @offset(ptr %loop, ptr %now, i64 %parts)
  %few.bytes = icmp sle i64 %size, {FEW_BYTES}
  %never = icmp uge i64 %mask, 256
  %ever = xor i1 %never, true
  %few = and i1 %few.bytes, %ever
  br label %choose
choose:
  ; the first dimension that is long, else the longest; a reduced one only if results are few
  %i = phi i64 [0, %measure], [%i.next, %choose.next]
  %best = phi i64 [0, %measure], [%best.next, %choose.next]
  %best.length = phi i64 [-1, %measure], [%best.length.next, %choose.next]
  %choose.more = icmp sle i64 %i, %innermost
  %short = icmp slt i64 %best.length, {LONG_AXIS}
  %search = and i1 %choose.more, %short
  br i1 %search, label %choose.next, label %chosen
choose.next:
  %i.next = add i64 %i, 1
  %length.p = getelementptr i64, ptr %now, i64 %i.next
  %length = load i64, ptr %length.p
  %reduced = call i1 @is_reduced(i64 %mask, i64 %i)
  %kept = xor i1 %reduced, true
  %allowed = or i1 %kept, %few
  %longer = icmp sgt i64 %length, %best.length
  %take = and i1 %allowed, %longer
  %best.next = select i1 %take, i64 %i, i64 %best
  %best.length.next = select i1 %take, i64 %length, i64 %best.length
  br label %choose
chosen:
  %partial = call i1 @is_reduced(i64 %mask, i64 %best)
  %piece.work = select i1 %partial, i64 {PIECE_WORK_REDUCED}, i64 {PIECE_WORK}
  %wish = udiv i64 %work, %piece.work
  %size.least = call i64 @llvm.smax.i64(i64 %size, i64 1)
  %fitting = udiv i64 {ALL_RESULTS}, %size.least
  %fitting.most = call i64 @llvm.smin.i64(i64 %fitting, i64 {PIECES})
  %limit = select i1 %partial, i64 %fitting.most, i64 {PIECES}
  %wish.most = call i64 @llvm.smin.i64(i64 %wish, i64 %limit)
  %wish.least = call i64 @llvm.smax.i64(i64 %wish.most, i64 1)
  ; a power of two, so that as many threads have equally many of them
  %zeros = call i64 @llvm.ctlz.i64(i64 %wish.least, i1 true)
  %exponent = sub i64 63, %zeros
  %wish.even = shl i64 1, %exponent
  ; whole vectors; and whole tiles, or where these are few, at most 8 pieces of whole squares of tiles (staging.py)
  %is.innermost = icmp eq i64 %best, %innermost
  %rows.p = getelementptr i64, ptr %loop, i64 5
  %rows = load i64, ptr %rows.p
  %rows.many = mul i64 %rows, 16
  %is.low = icmp slt i64 %best.length, %rows.many
  %is.tiled = icmp sgt i64 %rows, 1
  %few.tiles = and i1 %is.low, %is.tiled
  %rows.low = call i64 @llvm.smin.i64(i64 %rows, i64 8)
  %unit.rows = select i1 %few.tiles, i64 %rows.low, i64 %rows
  %unit = select i1 %is.innermost, i64 64, i64 %unit.rows
  %wish.low = call i64 @llvm.smin.i64(i64 %wish.even, i64 8)
  %wish.last = select i1 %few.tiles, i64 %wish.low, i64 %wish.even
  %each.exact = call i64 @quotient(i64 %best.length, i64 %wish.last)
  %unit.less = sub i64 %unit, 1
  %each.above = add i64 %each.exact, %unit.less
  %unit.mask = sub i64 0, %unit
  %each.aligned = and i64 %each.above, %unit.mask
  %each = call i64 @llvm.smax.i64(i64 %each.aligned, i64 1)
  %pieces = call i64 @quotient(i64 %best.length, i64 %each)
  br i1 %partial, label %scratch, label %ready
scratch:
  %bytes = mul i64 %size, %pieces
  %memory.new = call ptr @PyMem_RawMalloc(i64 %bytes)
  %null = icmp eq ptr %memory.new, null
  br i1 %null, label %no.memory, label %ready
no.memory:
  %record = call ptr @record_of(ptr %frame)
  %keep.p = getelementptr i64, ptr %record, i64 19
  %keep = load i64, ptr %keep.p
  %writing = icmp uge i64 %keep, 2
  br i1 %writing, label %stack, label %give.up
stack:
  ; values have been written over: it is too late to fail
  %memory.stack = alloca i8, i64 %bytes, align 16
  br label %ready
give.up:
  %locked = call i1 @rt_relock(ptr %frame)
  %error = call ptr @PyErr_NoMemory()
  ret i64 -1
ready:
  %memory = phi ptr [null, %chosen], [%memory.new, %scratch], [%memory.stack, %stack]
  %allocated = phi ptr [null, %chosen], [%memory.new, %scratch], [null, %stack]
  store i64 %step, ptr %new
  %n1 = getelementptr i64, ptr %new, i64 1
  store i64 %best, ptr %n1
  %n2 = getelementptr i64, ptr %new, i64 2
  store i64 %each, ptr %n2
  %n3 = getelementptr i64, ptr %new, i64 3
  store i64 %best.length, ptr %n3
  %n4 = getelementptr i64, ptr %new, i64 4
  store ptr %memory, ptr %n4
  %n5 = getelementptr i64, ptr %new, i64 5
  store i64 %size, ptr %n5
  %n6 = getelementptr i64, ptr %new, i64 6
  store ptr %words, ptr %n6
  %n7 = getelementptr i64, ptr %new, i64 7
  store ptr %loop, ptr %n7
  %n8 = getelementptr i64, ptr %new, i64 8
  store ptr %now, ptr %n8
  %code = call i64 @pieces(ptr %function, ptr %frame, ptr %outputs, ptr %new, i64 %pieces, i1 %shared, i1 %brief)
  %ok = icmp eq i64 %code, 0
  %combine = and i1 %ok, %partial
  br i1 %combine, label %each.part, label %end
each.part:
  %k = phi i64 [0, %ready], [%k.next, %combined]
  %k.more = icmp slt i64 %k, %parts
  br i1 %k.more, label %part, label %end
part:
  %target.p = call ptr @part_of(ptr %loop, ptr %now, i64 %k)
  %k.next = add i64 %k, 1
  %combination.p = getelementptr i64, ptr %target.p, i64 2
  %combination = load ptr, ptr %combination.p
  %second.part = icmp eq ptr %combination, null
  br i1 %second.part, label %combined, label %elements
elements:
  %target = load ptr, ptr %target.p
  %count.p = getelementptr i64, ptr %target.p, i64 1
  %count = load i64, ptr %count.p
  %offset = call i64 @offset(ptr %loop, ptr %now, i64 %k)
  %first = getelementptr i8, ptr %memory, i64 %offset
  ; of a second part, where there is one
  %more.p = getelementptr i64, ptr %target.p, i64 3
  %is.last = icmp eq i64 %k.next, %parts
  %more.place = select i1 %is.last, ptr %target.p, ptr %more.p
  %more.target = load ptr, ptr %more.place
  %more.number = select i1 %is.last, i64 %k, i64 %k.next
  %more.offset = call i64 @offset(ptr %loop, ptr %now, i64 %more.number)
  %more.first = getelementptr i8, ptr %memory, i64 %more.offset
  call void %combination(ptr %target, ptr %first, ptr %more.target, ptr %more.first, i64 %size, i64 %pieces, i64 %count)
  br label %combined
combined:
  br label %each.part
end:
  call void @PyMem_RawFree(ptr %allocated)
  ret i64 %code
}
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.ctlz.i64(i64, i1)

; As rt_share, for a single dimension and no reduction.
define i64 @rt_share_line(ptr %frame, ptr %outputs, ptr %function, ptr %words, ptr %loop, i64 %length) {
  %now = alloca [2 x i64]
  store i64 %length, ptr %now
  %only = getelementptr i64, ptr %now, i64 1
  store i64 %length, ptr %only
  %code = call i64 @rt_share(ptr %frame, ptr %outputs, ptr %function, ptr %words, ptr %loop, ptr %now)
  ret i64 %code
}

define internal i1 @is_reduced(i64 %mask, i64 %axis) {
  %shifted = lshr i64 %mask, %axis
  %bit = and i64 %shifted, 1
  %is = icmp ne i64 %bit, 0
  ret i1 %is
}

; Rounded up.
define internal i64 @quotient(i64 %x, i64 %y) {
  %above = add i64 %x, %y
  %less = sub i64 %above, 1
  %q = sdiv i64 %less, %y
  ret i64 %q
}

; The words of part `k` of results in the description `now` that rt_share is given.
define internal ptr @part_of(ptr %loop, ptr %now, i64 %k) {
  %innermost.p = getelementptr i64, ptr %loop, i64 2
  %innermost = load i64, ptr %innermost.p
  %triple = mul i64 %k, 3
  %behind = add i64 %innermost, %triple
  %at = add i64 %behind, 2
  %p = getelementptr i64, ptr %now, i64 %at
  ret ptr %p
}

; Where part `k` of the results of a piece begins, in bytes: at a multiple of 8.
define internal i64 @offset(ptr %loop, ptr %now, i64 %k) {
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%j, %body]
  %sum = phi i64 [0, %entry], [%sum.next, %body]
  %more = icmp slt i64 %i, %k
  br i1 %more, label %body, label %out
body:
  %p = call ptr @part_of(ptr %loop, ptr %now, i64 %i)
  %count.p = getelementptr i64, ptr %p, i64 1
  %count = load i64, ptr %count.p
  %item.at = add i64 %i, 7
  %item.p = getelementptr i64, ptr %loop, i64 %item.at
  %item = load i64, ptr %item.p
  %bytes = mul i64 %count, %item
  %above = add i64 %bytes, 7
  %whole = and i64 %above, -8
  %sum.next = add i64 %sum, %whole
  %j = add i64 %i, 1
  br label %head
out:
  ret i64 %sum
}

; Where a piece puts part `k` of its results, whose place in the whole is `target`.
define ptr @rt_place(ptr %task, i64 %piece, ptr %target, i64 %k) {
  %memory.p = getelementptr i64, ptr %task, i64 4
  %memory = load ptr, ptr %memory.p
  %none = icmp eq ptr %memory, null
  br i1 %none, label %whole, label %own
own:
  %size.p = getelementptr i64, ptr %task, i64 5
  %size = load i64, ptr %size.p
  %loop.p = getelementptr i64, ptr %task, i64 7
  %loop = load ptr, ptr %loop.p
  %now.p = getelementptr i64, ptr %task, i64 8
  %now = load ptr, ptr %now.p
  %before = mul i64 %piece, %size
  %offset = call i64 @offset(ptr %loop, ptr %now, i64 %k)
  %first = add i64 %before, %offset
  %place = getelementptr i8, ptr %memory, i64 %first
  ret ptr %place
whole:
  ret ptr %target
}

; For calls that end in Python: put the values of list `new` into the cells of list `updated`, unless one of the cells of
; list `read` holds another value than list `expected` says. `new` is left with what it replaced. Whether it was done.
define i64 @rt_commit(ptr %read, ptr %expected, ptr %updated, ptr %new) {
entry:
  %read.items.p = getelementptr i8, ptr %read, i64 24
  %read.items = load ptr, ptr %read.items.p
  %read.n.p = getelementptr i8, ptr %read, i64 16
  %read.n = load i64, ptr %read.n.p
  %expected.items.p = getelementptr i8, ptr %expected, i64 24
  %expected.items = load ptr, ptr %expected.items.p
  %updated.items.p = getelementptr i8, ptr %updated, i64 24
  %updated.items = load ptr, ptr %updated.items.p
  %updated.n.p = getelementptr i8, ptr %updated, i64 16
  %updated.n = load i64, ptr %updated.n.p
  %new.items.p = getelementptr i8, ptr %new, i64 24
  %new.items = load ptr, ptr %new.items.p
  br label %check.head
check.head:
  %i = phi i64 [0, %entry], [%i2, %check.body]
  %check.more = icmp slt i64 %i, %read.n
  br i1 %check.more, label %check.body, label %write.head
check.body:
  %r.p = getelementptr ptr, ptr %read.items, i64 %i
  %r = load ptr, ptr %r.p
  %r.items.p = getelementptr i8, ptr %r, i64 24
  %r.items = load ptr, ptr %r.items.p
  %now = load ptr, ptr %r.items
  %e.p = getelementptr ptr, ptr %expected.items, i64 %i
  %e = load ptr, ptr %e.p
  %same = icmp eq ptr %now, %e
  %i2 = add i64 %i, 1
  br i1 %same, label %check.head, label %no
write.head:
  %k = phi i64 [0, %check.head], [%k2, %write.body]
  %write.more = icmp slt i64 %k, %updated.n
  br i1 %write.more, label %write.body, label %yes
write.body:
  %u.p = getelementptr ptr, ptr %updated.items, i64 %k
  %u = load ptr, ptr %u.p
  %u.items.p = getelementptr i8, ptr %u, i64 24
  %u.items = load ptr, ptr %u.items.p
  %old = load ptr, ptr %u.items
  %n.p = getelementptr ptr, ptr %new.items, i64 %k
  %n = load ptr, ptr %n.p
  store ptr %n, ptr %u.items
  store ptr %old, ptr %n.p
  %k2 = add i64 %k, 1
  br label %write.head
yes:
  ret i64 1
no:
  ret i64 0
}
