; The pool of worker threads: POSIX threads that share the pieces of one job with the thread that brings it.
;
; A job is a function, its two first arguments, a task, and how many pieces it has: function(frame, outputs, task, piece)
; returns 0, or the number of a check that failed. Each thread has a range of pieces, the same in each job of as many
; pieces, so that it finds in its own caches what it has read or written before; one that is done with its range helps
; with those of the others. Whoever finds the pool taken runs its job alone, so nothing ever waits for the pool. Workers
; that find no job look out for one for some microseconds, then they sleep. threads.py fills in the words in braces,
; which differ among systems.

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
declare i32 @clock_gettime(i32, ptr)
{declare pause}

; No system's mutex or condition takes 128 bytes. What many threads write has a cache line of its own.
@lock = internal global [16 x i64] zeroinitializer, align 64
@job.given = internal global [16 x i64] zeroinitializer, align 64  ; a condition: there is a new job
@job.left = internal global [16 x i64] zeroinitializer, align 64   ; a condition: the last worker has left the job
@taken = internal global i64 0, align 64       ; somebody brings a job
@generation = internal global i64 0, align 64  ; how many jobs there were
@open = internal global i64 0                  ; workers may join
@function = internal global ptr null
@frame = internal global ptr null
@outputs = internal global ptr null
@task = internal global ptr null
@pieces = internal global i64 0
@participants = internal global i64 0          ; workers with a lower number take part
@ranges = internal global i64 1                ; into which the pieces are divided: one for each thread
@next = internal global [{MOST_THREADS} x [8 x i64]] zeroinitializer, align 64  ; the piece of a range to be taken next
@failed = internal global i64 0, align 64      ; the first piece that has failed
@inside = internal global i64 0, align 64      ; workers that may be looking at the job
@waiting = internal global i64 0               ; the one who brought the job sleeps until they have left
@sleeping = internal global i64 0, align 64    ; workers asleep
@calm = internal global i64 0                  ; do not look out for jobs: somebody else needs the cores

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

; Workers that look out for a job go to sleep at once.
define void @pool_calm() {
  store atomic i64 1, ptr @calm monotonic, align 8
  ret void
}

define internal i64 @nanoseconds() {
  %time = alloca [2 x i64]
  %1 = call i32 @clock_gettime(i32 {CLOCK_MONOTONIC}, ptr %time)
  %seconds = load i64, ptr %time
  %rest.p = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.p
  %whole = mul i64 %seconds, 1000000000
  %sum = add i64 %whole, %rest
  ret i64 %sum
}

; Where range number `range` begins, and the one before it ends.
define internal i64 @first_of(i64 %range, i64 %ranges, i64 %pieces) alwaysinline {
  %product = mul i64 %range, %pieces
  %first = udiv i64 %product, %ranges
  ret i64 %first
}

; Take pieces until none is left, those of range `own` first. What comes after a piece that failed need not be done.
define internal void @take(i64 %own) {
entry:
  %function = load ptr, ptr @function
  %frame = load ptr, ptr @frame
  %outputs = load ptr, ptr @outputs
  %task = load ptr, ptr @task
  %pieces = load i64, ptr @pieces
  %ranges = load i64, ptr @ranges
  br label %range.head
range.head:
  %visited = phi i64 [0, %entry], [%visited.next, %range.next]
  %range.more = icmp slt i64 %visited, %ranges
  br i1 %range.more, label %range, label %out
range:
  %ahead = add i64 %own, %visited
  %number = urem i64 %ahead, %ranges
  %after = add i64 %number, 1
  %end = call i64 @first_of(i64 %after, i64 %ranges, i64 %pieces)
  %next.p = getelementptr [8 x i64], ptr @next, i64 %number
  br label %head
head:
  %piece = atomicrmw add ptr %next.p, i64 1 seq_cst
  %more = icmp slt i64 %piece, %end
  br i1 %more, label %look, label %range.next
look:
  %failed = load atomic i64, ptr @failed monotonic, align 8
  %wanted = icmp slt i64 %piece, %failed
  br i1 %wanted, label %run, label %range.next
run:
  %code = call i64 %function(ptr %frame, ptr %outputs, ptr %task, i64 %piece)
  %ok = icmp eq i64 %code, 0
  br i1 %ok, label %head, label %fail
fail:
  %1 = atomicrmw umin ptr @failed, i64 %piece seq_cst
  br label %range.next
range.next:
  %visited.next = add i64 %visited, 1
  br label %range.head
out:
  ret void
}

define internal ptr @work(ptr %as.pointer) {
entry:
  %number = ptrtoint ptr %as.pointer to i64
  br label %look
look:
  %seen = phi i64 [0, %entry], [%there, %leave.end]
  %start = call i64 @nanoseconds()
  %end = add i64 %start, {SPIN_NANOSECONDS}
  br label %rounds
rounds:
  %round = phi i64 [0, %look], [%round.next, %again]
  %now = load atomic i64, ptr @generation seq_cst, align 8
  %new = icmp ne i64 %now, %seen
  br i1 %new, label %join, label %wait
wait:
  {call pause}
  %round.next = add i64 %round, 1
  %calm = load atomic i64, ptr @calm monotonic, align 8
  %is.calm = icmp ne i64 %calm, 0
  br i1 %is.calm, label %sleep, label %time
time:
  %low = and i64 %round.next, 31
  %check = icmp eq i64 %low, 0
  br i1 %check, label %clock, label %again
clock:
  %at = call i64 @nanoseconds()
  %late = icmp sgt i64 %at, %end
  br i1 %late, label %sleep, label %again
again:
  br label %rounds
sleep:
  %1 = call i32 @pthread_mutex_lock(ptr @lock)
  %2 = atomicrmw add ptr @sleeping, i64 1 seq_cst
  br label %dozing
dozing:
  %then = load atomic i64, ptr @generation seq_cst, align 8
  %changed = icmp ne i64 %then, %seen
  br i1 %changed, label %awake, label %doze
doze:
  %3 = call i32 @pthread_cond_wait(ptr @job.given, ptr @lock)
  br label %dozing
awake:
  %4 = atomicrmw sub ptr @sleeping, i64 1 seq_cst
  %5 = call i32 @pthread_mutex_unlock(ptr @lock)
  br label %join
join:
  %there = phi i64 [%now, %rounds], [%then, %awake]
  %participants = load atomic i64, ptr @participants seq_cst, align 8
  %takes.part = icmp slt i64 %number, %participants
  br i1 %takes.part, label %enter, label %leave.end
enter:
  ; Entered first, looked afterwards: whoever closes the job first and looks for workers inside afterwards sees this one,
  ; or this one sees that the job is closed.
  %6 = atomicrmw add ptr @inside, i64 1 seq_cst
  %open = load atomic i64, ptr @open seq_cst, align 8
  %is.open = icmp ne i64 %open, 0
  br i1 %is.open, label %help, label %leave
help:
  %range = add i64 %number, 1
  call void @take(i64 %range)
  br label %leave
leave:
  %others = atomicrmw sub ptr @inside, i64 1 seq_cst
  %last = icmp eq i64 %others, 1
  %waiting = load atomic i64, ptr @waiting seq_cst, align 8
  %is.waiting = icmp ne i64 %waiting, 0
  %tell = and i1 %last, %is.waiting
  br i1 %tell, label %signal, label %leave.end
signal:
  %7 = call i32 @pthread_mutex_lock(ptr @lock)
  %8 = call i32 @pthread_cond_signal(ptr @job.left)
  %9 = call i32 @pthread_mutex_unlock(ptr @lock)
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
  %alone.code = call i64 @rt_alone(ptr %function, ptr %frame, ptr %outputs, ptr %task, i64 %pieces)
  ret i64 %alone.code
give:
  store ptr %function, ptr @function
  store ptr %frame, ptr @frame
  store ptr %outputs, ptr @outputs
  store ptr %task, ptr @task
  store i64 %pieces, ptr @pieces
  store i64 %pieces, ptr @failed
  %participants = load atomic i64, ptr @participants seq_cst, align 8
  %ranges = add i64 %participants, 1
  store i64 %ranges, ptr @ranges
  br label %divide
divide:
  %range = phi i64 [0, %give], [%range.next, %divide]
  %range.next = add i64 %range, 1
  %first = call i64 @first_of(i64 %range, i64 %ranges, i64 %pieces)
  %next.p = getelementptr [8 x i64], ptr @next, i64 %range
  store i64 %first, ptr %next.p
  %divided = icmp eq i64 %range.next, %ranges
  br i1 %divided, label %begin, label %divide
begin:
  store atomic i64 0, ptr @calm monotonic, align 8
  store atomic i64 1, ptr @open seq_cst, align 8
  %1 = atomicrmw add ptr @generation, i64 1 seq_cst
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
  call void @take(i64 0)
  store atomic i64 0, ptr @open seq_cst, align 8
  %start = call i64 @nanoseconds()
  %end = add i64 %start, {SPIN_NANOSECONDS}
  br label %look
look:
  %inside = load atomic i64, ptr @inside seq_cst, align 8
  %alone.now = icmp eq i64 %inside, 0
  br i1 %alone.now, label %done, label %wait
wait:
  {call pause}
  %at = call i64 @nanoseconds()
  %late = icmp sgt i64 %at, %end
  br i1 %late, label %sleep, label %look
sleep:
  store atomic i64 1, ptr @waiting seq_cst, align 8
  %5 = call i32 @pthread_mutex_lock(ptr @lock)
  br label %dozing
dozing:
  %still = load atomic i64, ptr @inside seq_cst, align 8
  %busy = icmp ne i64 %still, 0
  br i1 %busy, label %doze, label %awake
doze:
  %6 = call i32 @pthread_cond_wait(ptr @job.left, ptr @lock)
  br label %dozing
awake:
  %7 = call i32 @pthread_mutex_unlock(ptr @lock)
  store atomic i64 0, ptr @waiting seq_cst, align 8
  br label %done
done:
  %failed = load atomic i64, ptr @failed seq_cst, align 8
  store atomic i64 0, ptr @taken seq_cst, align 8
  %ok = icmp eq i64 %failed, %pieces
  br i1 %ok, label %good, label %again
good:
  ret i64 0
again:
  ; what the check has left in the frame may be another piece's
  %code = call i64 %function(ptr %frame, ptr %outputs, ptr %task, i64 %failed)
  ret i64 %code
}
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @rt_alone(ptr, ptr, ptr, ptr, i64)

; In the child of a fork there are no workers, and the states that other threads left behind mean nothing.
define void @pool_forget() {
  store i64 0, ptr @taken
  store i64 0, ptr @generation
  store i64 0, ptr @open
  store i64 0, ptr @inside
  store i64 0, ptr @waiting
  store i64 0, ptr @sleeping
  call void @pool_prepare()
  ret void
}
