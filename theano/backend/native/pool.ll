; The pool of worker threads: POSIX threads that share the pieces of one job with the thread that brings it.
;
; A job is a function, its two first arguments, a task, and how many pieces it has: function(frame, outputs, task, piece)
; returns 0, or the number of a check that failed. Two threads at a time have a range of pieces, which one of them takes
; from the first one on and the other from the last one on, the same in each job of as many pieces: so each finds in its
; own caches what it has read or written before. Who is done with a range helps with those of others. Whoever finds the pool taken runs its job alone, and no one waits for a worker that has not
; begun, so nothing ever waits for the pool. Workers that find no job look out for one for some microseconds, then they
; sleep. threads.py fills in the words in braces, which differ among systems.

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @sched_yield()
declare i64 @rt_alone(ptr, ptr, ptr, ptr, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
{declare pause}

@rt_awake = external global i64  ; workers that do not sleep
@rt_waited = external global i64 ; nanoseconds that the last job had to wait for workers at its end
@rt_own = external global i64    ; pieces of it that were not left to workers

; No system's mutex or condition takes 128 bytes. What many threads write has a cache line of its own.
@lock = internal global [16 x i64] zeroinitializer, align 64
@job.given = internal global [16 x i64] zeroinitializer, align 64  ; a condition: there is a new job
@job.left = internal global [16 x i64] zeroinitializer, align 64   ; a condition: the last worker has left the job
; The job, in the one line that a worker looks at: how often it was opened or closed (odd: workers may join), function,
; frame, outputs, task, number of pieces, number of ranges, the first piece that has failed.
@job = internal global [8 x i64] zeroinitializer, align 64
@participants = internal global i64 0, align 64 ; as many workers take part
@taken = internal global i64 0, align 64       ; somebody brings a job
; How many pieces of a range have been taken: from the first one on, and 2^32 times those from the last one on.
@handed = internal global [{MOST_THREADS} x [8 x i64]] zeroinitializer, align 64
@inside = internal global i64 0, align 64      ; workers that may be looking at the job
@waiting = internal global i64 0               ; the one who brought the job sleeps until they have left
@sleeping = internal global i64 0, align 64    ; workers asleep

define void @pool_prepare() {
  %1 = call i32 @pthread_mutex_init(ptr @lock, ptr null)
  %2 = call i32 @pthread_cond_init(ptr @job.given, ptr null)
  %3 = call i32 @pthread_cond_init(ptr @job.left, ptr null)
  ret void
}

; One more worker, whose number is `number`; 0 when the system has given one. Signals stay with the threads of Python. Some
; systems give threads less stack than what steps put there.
define i64 @pool_grow(i64 %number) {
  %thread = alloca i64
  %all = alloca [16 x i64]
  %before = alloca [16 x i64]
  %attributes = alloca [16 x i64]
  %r.init = call i32 @pthread_attr_init(ptr %attributes)
  %r.size = call i32 @pthread_attr_setstacksize(ptr %attributes, i64 {STACK_BYTES})
  %r.fill = call i32 @sigfillset(ptr %all)
  %r.mask = call i32 @pthread_sigmask(i32 {SIG_SETMASK}, ptr %all, ptr %before)
  %as.pointer = inttoptr i64 %number to ptr
  %failed = call i32 @pthread_create(ptr %thread, ptr %attributes, ptr @work, ptr %as.pointer)
  %r.destroy = call i32 @pthread_attr_destroy(ptr %attributes)
  %r.unmask = call i32 @pthread_sigmask(i32 {SIG_SETMASK}, ptr %before, ptr null)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %detach, label %out
detach:
  %id = load ptr, ptr %thread
  %r.detach = call i32 @pthread_detach(ptr %id)
  br label %out
out:
  %code = zext i32 %failed to i64
  ret i64 %code
}

define void @pool_limit(i64 %participants) {
  store atomic i64 %participants, ptr @participants seq_cst, align 8
  ret void
}

; Where range number `range` begins, and the one before it ends.
define internal i64 @first_of(i64 %range, i64 %ranges, i64 %pieces) alwaysinline {
  %product = mul i64 %range, %pieces
  %first = udiv i64 %product, %ranges
  ret i64 %first
}

; Take pieces until none is left, as thread number `thread`; how many it were. What comes after a piece that failed need
; not be done. Who takes a piece too many leaves the number of those taken too large for good, so that does no harm.
define internal i64 @take(i64 %thread) {
entry:
  %function.p = getelementptr ptr, ptr @job, i64 1
  %function = load ptr, ptr %function.p
  %frame.p = getelementptr ptr, ptr @job, i64 2
  %frame = load ptr, ptr %frame.p
  %outputs.p = getelementptr ptr, ptr @job, i64 3
  %outputs = load ptr, ptr %outputs.p
  %task.p = getelementptr ptr, ptr @job, i64 4
  %task = load ptr, ptr %task.p
  %pieces.p = getelementptr i64, ptr @job, i64 5
  %pieces = load i64, ptr %pieces.p
  %ranges.p = getelementptr i64, ptr @job, i64 6
  %ranges = load i64, ptr %ranges.p
  %failed.p = getelementptr i64, ptr @job, i64 7
  %pair = lshr i64 %thread, 1
  %odd = and i64 %thread, 1
  %upwards = icmp eq i64 %odd, 0
  %step = select i1 %upwards, i64 1, i64 4294967296
  br label %range.head
range.head:
  %visited = phi i64 [0, %entry], [%visited.next, %range.next]
  %count = phi i64 [0, %entry], [%done, %range.next]
  %range.more = icmp slt i64 %visited, %ranges
  br i1 %range.more, label %range, label %out
range:
  %ahead = add i64 %pair, %visited
  %number = urem i64 %ahead, %ranges
  %first = call i64 @first_of(i64 %number, i64 %ranges, i64 %pieces)
  %after = add i64 %number, 1
  %end = call i64 @first_of(i64 %after, i64 %ranges, i64 %pieces)
  %length = sub i64 %end, %first
  %last = sub i64 %end, 1
  %handed.p = getelementptr [8 x i64], ptr @handed, i64 %number
  br label %head
head:
  %done = phi i64 [%count, %range], [%done, %look], [%done.next, %run], [%done.next, %fail]
  %handed = atomicrmw add ptr %handed.p, i64 %step seq_cst
  %low = and i64 %handed, 4294967295
  %high = lshr i64 %handed, 32
  %both = add i64 %low, %high
  %more = icmp slt i64 %both, %length
  br i1 %more, label %look, label %range.next
look:
  %from.first = add i64 %first, %low
  %from.last = sub i64 %last, %high
  %piece = select i1 %upwards, i64 %from.first, i64 %from.last
  %failed = load atomic i64, ptr %failed.p monotonic, align 8
  %wanted = icmp slt i64 %piece, %failed
  br i1 %wanted, label %run, label %head
run:
  %done.next = add i64 %done, 1
  %code = call i64 %function(ptr %frame, ptr %outputs, ptr %task, i64 %piece)
  %ok = icmp eq i64 %code, 0
  br i1 %ok, label %head, label %fail
fail:
  %1 = atomicrmw umin ptr %failed.p, i64 %piece seq_cst
  br label %head
range.next:
  %visited.next = add i64 %visited, 1
  br label %range.head
out:
  ret i64 %count
}

define internal ptr @work(ptr %as.pointer) {
entry:
  %number = ptrtoint ptr %as.pointer to i64
  %first = atomicrmw add ptr @rt_awake, i64 1 seq_cst
  br label %look
look:
  %seen = phi i64 [0, %entry], [%there, %leave.end]
  %start = call i64 @nanoseconds()
  %end = add i64 %start, {SPIN_NANOSECONDS}
  br label %rounds
rounds:
  %round = phi i64 [0, %look], [%round.next, %again]
  %now = load atomic i64, ptr @job seq_cst, align 8
  %new = icmp ne i64 %now, %seen
  br i1 %new, label %join, label %wait
wait:
  {call pause}
  %round.next = add i64 %round, 1
  %low = and i64 %round.next, 31
  %check = icmp eq i64 %low, 0
  br i1 %check, label %clock, label %again
clock:
  %yielded = call i32 @sched_yield()
  %at = call i64 @nanoseconds()
  %late = icmp sgt i64 %at, %end
  br i1 %late, label %sleep, label %again
again:
  br label %rounds
sleep:
  %1 = call i32 @pthread_mutex_lock(ptr @lock)
  %2 = atomicrmw add ptr @sleeping, i64 1 seq_cst
  %3 = atomicrmw sub ptr @rt_awake, i64 1 seq_cst
  ; A job that is over is no reason to stay awake: who has missed it had no core, and gets another one when it is woken.
  %last.seen = load atomic i64, ptr @job seq_cst, align 8
  %is.other = icmp ne i64 %last.seen, %seen
  %last.odd = and i64 %last.seen, 1
  %last.open = icmp ne i64 %last.odd, 0
  %stays = and i1 %is.other, %last.open
  br i1 %stays, label %awake, label %doze
doze:
  %4 = call i32 @pthread_cond_wait(ptr @job.given, ptr @lock)
  %then = load atomic i64, ptr @job seq_cst, align 8
  %changed = icmp ne i64 %then, %last.seen
  br i1 %changed, label %awake, label %doze
awake:
  %current = phi i64 [%last.seen, %sleep], [%then, %doze]
  %5 = atomicrmw sub ptr @sleeping, i64 1 seq_cst
  %6 = atomicrmw add ptr @rt_awake, i64 1 seq_cst
  %7 = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %join
join:
  %there = phi i64 [%now, %rounds], [%current, %awake]
  %odd = and i64 %there, 1
  %is.open = icmp ne i64 %odd, 0
  br i1 %is.open, label %enter, label %leave.end
enter:
  ; Entered first, looked afterwards: whoever closes the job first and looks for workers inside afterwards sees this one,
  ; or this one sees that the job is closed.
  %before = atomicrmw add ptr @inside, i64 1 seq_cst
  %participants = load atomic i64, ptr @participants seq_cst, align 8
  %takes.part = icmp slt i64 %before, %participants
  %still = load atomic i64, ptr @job seq_cst, align 8
  %same = icmp eq i64 %still, %there
  %may = and i1 %same, %takes.part
  br i1 %may, label %help, label %leave
help:
  %thread = add i64 %number, 1
  %helped = call i64 @take(i64 %thread)
  br label %leave
leave:
  %others = atomicrmw sub ptr @inside, i64 1 seq_cst
  %last = icmp eq i64 %others, 1
  %waiting = load atomic i64, ptr @waiting seq_cst, align 8
  %is.waiting = icmp ne i64 %waiting, 0
  %tell = and i1 %last, %is.waiting
  br i1 %tell, label %signal, label %leave.end
signal:
  %8 = call i32 @pthread_mutex_lock(ptr @lock)
  %9 = call i32 @pthread_cond_signal(ptr @job.left)
  %10 = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %leave.end
leave.end:
  br label %look
}

; Run all pieces of a job, with workers where they are free: 0, or what the first piece that fails returns.
define i64 @pool_run(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces) {
entry:
  %exchange = cmpxchg ptr @taken, i64 0, i64 1 seq_cst seq_cst
  %mine = extractvalue {i64, i1} %exchange, 1
  br i1 %mine, label %give, label %alone
alone:
  store i64 0, ptr @rt_waited
  store i64 %pieces, ptr @rt_own
  %alone.code = call i64 @rt_alone(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces)
  ret i64 %alone.code
give:
  %function.p = getelementptr ptr, ptr @job, i64 1
  store ptr %function, ptr %function.p
  %frame.p = getelementptr ptr, ptr @job, i64 2
  store ptr %frame, ptr %frame.p
  %outputs.p = getelementptr ptr, ptr @job, i64 3
  store ptr %outputs, ptr %outputs.p
  %task.p = getelementptr ptr, ptr @job, i64 4
  store ptr %task, ptr %task.p
  %pieces.p = getelementptr i64, ptr @job, i64 5
  store i64 %pieces, ptr %pieces.p
  %failed.p = getelementptr i64, ptr @job, i64 7
  store i64 %pieces, ptr %failed.p
  store i64 0, ptr @rt_waited
  %participants = load atomic i64, ptr @participants seq_cst, align 8
  %threads = add i64 %participants, 1
  %useful = call i64 @llvm.smin.i64(i64 %threads, i64 %pieces)
  %pairs = lshr i64 %useful, 1
  %ranges = call i64 @llvm.smax.i64(i64 %pairs, i64 1)
  %ranges.p = getelementptr i64, ptr @job, i64 6
  store i64 %ranges, ptr %ranges.p
  br label %divide
divide:
  %range = phi i64 [0, %give], [%range.next, %divide]
  %range.next = add i64 %range, 1
  %handed.p = getelementptr [8 x i64], ptr @handed, i64 %range
  store i64 0, ptr %handed.p
  %divided = icmp eq i64 %range.next, %ranges
  br i1 %divided, label %open, label %divide
open:
  %times = load i64, ptr @job
  %opened = add i64 %times, 1
  %closed = add i64 %times, 2
  store atomic i64 %opened, ptr @job seq_cst, align 8
  %sleeping = load atomic i64, ptr @sleeping seq_cst, align 8
  %any = icmp sgt i64 %sleeping, 0
  br i1 %any, label %wake, label %share
wake:
  %helpers = add i64 %pieces, -1
  %count = call i64 @llvm.smin.i64(i64 %sleeping, i64 %helpers)
  %2 = call i32 @pthread_mutex_lock(ptr @lock)
  br label %wake.head
wake.head:
  %i = phi i64 [0, %wake], [%i.next, %wake.body]
  %wake.more = icmp slt i64 %i, %count
  br i1 %wake.more, label %wake.body, label %wake.end
wake.body:
  %3 = call i32 @pthread_cond_signal(ptr @job.given)
  %i.next = add i64 %i, 1
  br label %wake.head
wake.end:
  %4 = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %share
share:
  %own = call i64 @take(i64 0)
  store atomic i64 %closed, ptr @job seq_cst, align 8
  %inside = load atomic i64, ptr @inside seq_cst, align 8
  %alone.now = icmp eq i64 %inside, 0
  br i1 %alone.now, label %done, label %wait
wait:
  %start = call i64 @nanoseconds()
  %end = add i64 %start, {SPIN_NANOSECONDS}
  br label %look
look:
  %round = phi i64 [0, %wait], [%round.next, %again]
  %inside.now = load atomic i64, ptr @inside seq_cst, align 8
  %left = icmp eq i64 %inside.now, 0
  br i1 %left, label %waited, label %pause
pause:
  {call pause}
  %round.next = add i64 %round, 1
  %low = and i64 %round.next, 31
  %check = icmp eq i64 %low, 0
  br i1 %check, label %clock, label %again
clock:
  %yielded = call i32 @sched_yield()
  %at = call i64 @nanoseconds()
  %late = icmp sgt i64 %at, %end
  br i1 %late, label %sleep, label %again
again:
  br label %look
sleep:
  store atomic i64 1, ptr @waiting seq_cst, align 8
  %5 = call i32 @pthread_mutex_lock(ptr @lock)
  br label %dozing
dozing:
  %inside.then = load atomic i64, ptr @inside seq_cst, align 8
  %busy = icmp ne i64 %inside.then, 0
  br i1 %busy, label %doze, label %awake
doze:
  %6 = call i32 @pthread_cond_wait(ptr @job.left, ptr @lock)
  br label %dozing
awake:
  %7 = call i32 @pthread_mutex_unlock(ptr @lock)
  store atomic i64 0, ptr @waiting seq_cst, align 8
  br label %waited
waited:
  %until = call i64 @nanoseconds()
  %lost = sub i64 %until, %start
  store i64 %lost, ptr @rt_waited
  br label %done
done:
  store i64 %own, ptr @rt_own
  %failed = load atomic i64, ptr %failed.p seq_cst, align 8
  store atomic i64 0, ptr @taken seq_cst, align 8
  %ok = icmp eq i64 %failed, %pieces
  br i1 %ok, label %good, label %again.first
good:
  ret i64 0
again.first:
  ; what the check has left in the frame may be another piece's
  %code = call i64 %function(ptr %frame, ptr %outputs, ptr %task, i64 %failed)
  ret i64 %code
}

; In the child of a fork there are no workers, and the states that other threads left behind mean nothing.
define void @pool_forget() {
  store i64 0, ptr @taken
  store i64 0, ptr @job
  store i64 0, ptr @inside
  store i64 0, ptr @waiting
  store i64 0, ptr @sleeping
  store i64 0, ptr @rt_awake
  call void @pool_prepare()
  ret void
}
