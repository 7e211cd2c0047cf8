; What compiled programs call while they run: the entry from Python, memory, results. How arguments are taken stands in
; arguments.ll, what happens among threads in concurrency.ll; the three are one module.
;
; Written against the C interfaces of CPython and NumPy; runtime.py says what the words of the records mean. Offsets into
; objects are those of 64-bit CPython 3.11 to 3.14 with the GIL and of NumPy 2: of an object its type at 8; of a list its
; items at 24; of an array data at 16, rank at 24, lengths at 32, strides at 40, dtype at 56, flags at 64, weak references
; at 72; of a dtype its byte order at 26 and its number at 28.

declare ptr @PyErr_NoMemory()
declare ptr @PyErr_Occurred()
declare void @PyErr_Clear()
declare double @PyFloat_AsDouble(ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyBytes_FromStringAndSize(ptr, i64)
declare ptr @PyList_New(i64)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare void @_Py_Dealloc(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @np_PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @np_PyArray_FromArray(ptr, ptr, i32)
@np_PyArray_Type = external global i8
@type_float = external global i8
@type_int = external global i8
@type_float64 = external global i8
@type_int64 = external global i8
!0 = !{!"branch_weights", i32 1, i32 100000}

; Reference counts. Immortal objects (negative or very large 32-bit counts) are left alone.
define internal void @incref(ptr %o) alwaysinline {
  %n = load i32, ptr %o
  %m = add i32 %n, 1
  %mortal = icmp sgt i32 %n, 0
  br i1 %mortal, label %yes, label %out
yes:
  store i32 %m, ptr %o
  br label %out
out:
  ret void
}

define internal void @decref(ptr %o) {
  %null = icmp eq ptr %o, null
  br i1 %null, label %out, label %some
some:
  %n = load i32, ptr %o
  %mortal = icmp sgt i32 %n, 0
  br i1 %mortal, label %yes, label %out
yes:
  %m = add i32 %n, -1
  store i32 %m, ptr %o
  %dead = icmp eq i32 %m, 0
  br i1 %dead, label %free, label %out
free:
  call void @_Py_Dealloc(ptr %o)
  br label %out
out:
  ret void
}

; An arena slot {address, capacity, allocation} grown to hold `size` bytes at a multiple of 64.
define i64 @rt_grow(ptr %frame, ptr %slot, i64 %size) {
  %p2 = getelementptr i64, ptr %slot, i64 2
  %p1 = getelementptr i64, ptr %slot, i64 1
  %old = load ptr, ptr %p2
  call void @PyMem_RawFree(ptr %old)
  store ptr null, ptr %p2
  store i64 -1, ptr %p1
  %total = add i64 %size, 128
  %new = call ptr @PyMem_RawMalloc(i64 %total)
  %null = icmp eq ptr %new, null
  br i1 %null, label %fail, label %ok
fail:
  %r = call i1 @rt_relock(ptr %frame)
  %e = call ptr @PyErr_NoMemory()
  ret i64 -1
ok:
  store ptr %new, ptr %p2
  %a = ptrtoint ptr %new to i64
  %b = add i64 %a, 63
  %c = and i64 %b, -64
  store i64 %c, ptr %slot
  store i64 %size, ptr %p1
  ret i64 0
}

; Whether an array may be written anew: only the `holders` that are known of hold it, it owns its memory, and it is
; contiguous and of the right dtype and shape.
define internal i1 @reusable(ptr %a, i32 %holders, ptr %descr, i64 %rank, ptr %lengths) {
  %null = icmp eq ptr %a, null
  br i1 %null, label %no, label %one
one:
  %n = load i32, ptr %a
  %alone = icmp eq i32 %n, %holders
  br i1 %alone, label %two, label %no
two:
  %pd = getelementptr i8, ptr %a, i64 56
  %d = load ptr, ptr %pd
  %same = icmp eq ptr %d, %descr
  %pn = getelementptr i8, ptr %a, i64 24
  %nd = load i32, ptr %pn
  %nd64 = sext i32 %nd to i64
  %ranks = icmp eq i64 %nd64, %rank
  %pf = getelementptr i8, ptr %a, i64 64
  %f = load i32, ptr %pf
  %g = and i32 %f, 1285
  %flags = icmp eq i32 %g, 1285
  %ok1 = and i1 %same, %ranks
  %ok = and i1 %ok1, %flags
  br i1 %ok, label %shape, label %no
shape:
  %ps = getelementptr i8, ptr %a, i64 32
  %s = load ptr, ptr %ps
  br label %head
head:
  %i = phi i64 [0, %shape], [%j, %body]
  %more = icmp slt i64 %i, %rank
  br i1 %more, label %body, label %yes
body:
  %p = getelementptr i64, ptr %s, i64 %i
  %q = getelementptr i64, ptr %lengths, i64 %i
  %x = load i64, ptr %p
  %y = load i64, ptr %q
  %j = add i64 %i, 1
  %eq = icmp eq i64 %x, %y
  br i1 %eq, label %head, label %no
yes:
  ret i1 true
no:
  ret i1 false
}

; A C-contiguous array for an output {current, descr, spare, spare, turn, evicted, cell}; returns its data.
;
; The new value of a shared variable whose cell is given takes the array of the old one, if the call has come so far and
; nobody else can know of that array; else a fresh one. Others take arrays kept from earlier calls.
define ptr @rt_new_output(ptr %frame, ptr %record, i64 %rank, ptr %lengths) {
  %call.p = getelementptr ptr, ptr %frame, i64 -1
  %call = load ptr, ptr %call.p
  %state.p = getelementptr i64, ptr %call, i64 16
  %state = load i64, ptr %state.p
  %locked = icmp eq i64 %state, 0
  br i1 %locked, label %first, label %lock, !prof !0
lock:
  %was = call i1 @rt_relock(ptr %frame)
  %data.late = call ptr @rt_new_output(ptr %frame, ptr %record, i64 %rank, ptr %lengths)
  call void @rt_unlock(ptr %frame)
  ret ptr %data.late
first:
  %pdescr = getelementptr ptr, ptr %record, i64 1
  %descr = load ptr, ptr %pdescr
  %rank32 = trunc i64 %rank to i32
  %cell.p = getelementptr ptr, ptr %record, i64 6
  %cell = load ptr, ptr %cell.p
  %nocell = icmp eq ptr %cell, null
  br i1 %nocell, label %spares, label %when
when:
  %keep.p = getelementptr i64, ptr %call, i64 19
  %keep.word = load i64, ptr %keep.p
  %writes = icmp uge i64 %keep.word, 2
  br i1 %writes, label %over, label %spares
over:
  %items.p = getelementptr i8, ptr %cell, i64 24
  %items = load ptr, ptr %items.p
  %v = load ptr, ptr %items
  %weak.p = getelementptr i8, ptr %v, i64 72
  %weak = load ptr, ptr %weak.p
  %nobody = icmp eq ptr %weak, null
  %pinned.p = getelementptr i64, ptr %call, i64 17
  %pinned = load i64, ptr %pinned.p
  %held = icmp ne i64 %pinned, 0
  %holders = select i1 %held, i32 2, i32 1
  %r0 = call i1 @reusable(ptr %v, i32 %holders, ptr %descr, i64 %rank, ptr %lengths)
  %own = and i1 %r0, %nobody
  br i1 %own, label %reuse, label %beside
beside:
  call void @incref(ptr %descr)
  %fresh = call ptr @np_PyArray_NewFromDescr(ptr @np_PyArray_Type, ptr %descr, i32 %rank32, ptr %lengths, ptr null, ptr null, i32 0, ptr null)
  %nofresh = icmp eq ptr %fresh, null
  br i1 %nofresh, label %fail, label %give
spares:
  %p2 = getelementptr ptr, ptr %record, i64 2
  %p3 = getelementptr ptr, ptr %record, i64 3
  %p4 = getelementptr i64, ptr %record, i64 4
  %a = load ptr, ptr %p2
  %r1 = call i1 @reusable(ptr %a, i32 1, ptr %descr, i64 %rank, ptr %lengths)
  br i1 %r1, label %reuse, label %second
second:
  %b = load ptr, ptr %p3
  %r2 = call i1 @reusable(ptr %b, i32 1, ptr %descr, i64 %rank, ptr %lengths)
  br i1 %r2, label %reuse, label %make
make:
  call void @incref(ptr %descr)
  %new = call ptr @np_PyArray_NewFromDescr(ptr @np_PyArray_Type, ptr %descr, i32 %rank32, ptr %lengths, ptr null, ptr null, i32 0, ptr null)
  %null = icmp eq ptr %new, null
  br i1 %null, label %fail, label %keep
fail:
  ret ptr null
keep:
  %turn = load i64, ptr %p4
  %next = xor i64 %turn, 1
  store i64 %next, ptr %p4
  %place = add i64 %turn, 2
  %pp = getelementptr ptr, ptr %record, i64 %place
  %old = load ptr, ptr %pp
  store ptr %new, ptr %pp
  %p5 = getelementptr ptr, ptr %record, i64 5
  store ptr %old, ptr %p5
  br label %reuse
reuse:
  %kept = phi ptr [%v, %over], [%a, %spares], [%b, %second], [%new, %keep]
  call void @incref(ptr %kept)
  br label %give
give:
  %o = phi ptr [%fresh, %beside], [%kept, %reuse]
  store ptr %o, ptr %record
  %pdata = getelementptr i8, ptr %o, i64 16
  %data = load ptr, ptr %pdata
  ret ptr %data
}

; Let go of `n` objects, which may be null.
define internal void @release(ptr %owned, i64 %n) {
  br label %head
head:
  %i = phi i64 [0, %0], [%j, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %out
body:
  %p = getelementptr ptr, ptr %owned, i64 %i
  %o = load ptr, ptr %p
  store ptr null, ptr %p
  call void @decref(ptr %o)
  %j = add i64 %i, 1
  br label %head
out:
  ret void
}

; Drop what the outputs hold at `place`: 0, what an unfinished call has made; 5, arrays that are no longer kept.
define internal void @drop(ptr %outputs, i64 %n, i64 %place) {
  br label %head
head:
  %i = phi i64 [0, %0], [%j, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %out
body:
  %first = mul i64 %i, 8
  %at = add i64 %first, %place
  %p = getelementptr ptr, ptr %outputs, i64 %at
  %o = load ptr, ptr %p
  store ptr null, ptr %p
  call void @decref(ptr %o)
  %j = add i64 %i, 1
  br label %head
out:
  ret void
}

; The entry: METH_FASTCALL | METH_KEYWORDS. `self` is a NumPy array whose data is the call record.
define ptr @rt_entry(ptr %self, ptr %args, i64 %nargs, ptr %names) {
  %record.p = getelementptr i8, ptr %self, i64 16
  %record = load ptr, ptr %record.p
  %n.p = getelementptr i64, ptr %record, i64 1
  %n = load i64, ptr %n.p
  %cells.n.p = getelementptr i64, ptr %record, i64 2
  %cells.n = load i64, ptr %cells.n.p
  %outputs.n.p = getelementptr i64, ptr %record, i64 3
  %outputs.n = load i64, ptr %outputs.n.p
  %updates.n.p = getelementptr i64, ptr %record, i64 4
  %updates.n = load i64, ptr %updates.n.p
  %arguments.p = getelementptr i64, ptr %record, i64 7
  %arguments = load ptr, ptr %arguments.p
  %cells.p = getelementptr i64, ptr %record, i64 8
  %cells = load ptr, ptr %cells.p
  %outputs.p = getelementptr i64, ptr %record, i64 9
  %outputs = load ptr, ptr %outputs.p
  %frame.p = getelementptr i64, ptr %record, i64 10
  %frame = load ptr, ptr %frame.p
  %owned.p = getelementptr i64, ptr %record, i64 13
  %owned = load ptr, ptr %owned.p
  %all.n = add i64 %outputs.n, %updates.n
  %nokeywords = icmp eq ptr %names, null
  %count = icmp eq i64 %nargs, %n
  %plain = and i1 %nokeywords, %count
  br i1 %plain, label %prepare, label %slow
prepare:
  ; Whatever may run Python code (making the list can start a garbage collection, giving up values can call their
  ; owners) happens while nothing of this call lies in the record: that code may call this very function.
  %single.p = getelementptr i64, ptr %record, i64 5
  %single = load i64, ptr %single.p
  %issingle = icmp ne i64 %single, 0
  br i1 %issingle, label %begin, label %list.make
list.make:
  %list0 = call ptr @PyList_New(i64 %outputs.n)
  %nolist = icmp eq ptr %list0, null
  br i1 %nolist, label %null, label %begin
begin:
  %list = phi ptr [null, %prepare], [%list0, %list.make]
  %busy.p = getelementptr i64, ptr %record, i64 15
  %busy = load i64, ptr %busy.p
  %occupied = icmp ne i64 %busy, 0
  br i1 %occupied, label %who, label %args.head, !prof !0
who:
  ; another call works with this record, or it did when this process was forked
  %epoch = load i64, ptr @rt_epoch
  %alive = icmp eq i64 %busy, %epoch
  br i1 %alive, label %slow.other, label %inherit
inherit:
  %state.p = getelementptr i64, ptr %record, i64 16
  store ptr null, ptr %state.p
  %lost.p = getelementptr i64, ptr %record, i64 17
  store i64 0, ptr %lost.p
  store i64 0, ptr %busy.p
  br label %args.head
args.head:
  %i = phi i64 [0, %begin], [0, %inherit], [0, %again], [%i2, %args.body]
  %args.more = icmp slt i64 %i, %n
  br i1 %args.more, label %args.body, label %cells.head
args.body:
  %o.p = getelementptr ptr, ptr %args, i64 %i
  %o = load ptr, ptr %o.p
  %r.at = mul i64 %i, 8
  %r.p = getelementptr i64, ptr %arguments, i64 %r.at
  %own.p = getelementptr ptr, ptr %owned, i64 %i
  %bad = call i64 @take(ptr %o, ptr %r.p, ptr %frame, ptr %own.p, ptr %record)
  %i2 = add i64 %i, 1
  %isbad = icmp ne i64 %bad, 0
  br i1 %isbad, label %slow.release, label %args.head
cells.head:
  %c = phi i64 [0, %args.head], [%c2, %cells.body]
  %cells.more = icmp slt i64 %c, %cells.n
  br i1 %cells.more, label %cells.body, label %run
cells.body:
  %cell.p = getelementptr ptr, ptr %cells, i64 %c
  %cell = load ptr, ptr %cell.p
  %items.p = getelementptr i8, ptr %cell, i64 24
  %items = load ptr, ptr %items.p
  %v = load ptr, ptr %items
  %k = add i64 %n, %c
  %k.at = mul i64 %k, 8
  %k.p = getelementptr i64, ptr %arguments, i64 %k.at
  %own2.p = getelementptr ptr, ptr %owned, i64 %k
  %bad2 = call i64 @take(ptr %v, ptr %k.p, ptr %frame, ptr %own2.p, ptr %record)
  %c2 = add i64 %c, 1
  %isbad2 = icmp ne i64 %bad2, 0
  br i1 %isbad2, label %slow.release, label %cells.head
run:
  %replaced = alloca ptr, i64 %updates.n
  %since.p = getelementptr i64, ptr %record, i64 21
  store i64 0, ptr %since.p
  %main = load ptr, ptr %record
  %code = call i64 %main(ptr %frame, ptr %outputs, ptr null, i64 0)
  %inputs.n = add i64 %n, %cells.n
  %busy.then = load i64, ptr %busy.p
  %gave.up = icmp ne i64 %busy.then, 0
  br i1 %gave.up, label %lock.again, label %finished, !prof !0
lock.again:
  ; Others have run meanwhile. Objects are given up with the lock in hand.
  %r1 = call i1 @rt_relock(ptr %frame)
  br label %finished
finished:
  call void @release(ptr %owned, i64 %inputs.n)
  %ok = icmp eq i64 %code, 0
  br i1 %gave.up, label %settle, label %judge, !prof !0
settle:
  %pins.p = getelementptr i64, ptr %record, i64 18
  %pins = load ptr, ptr %pins.p
  %pinned.p = getelementptr i64, ptr %record, i64 17
  %pinned = load i64, ptr %pinned.p
  store i64 0, ptr %pinned.p
  %held = alloca ptr, i64 %pinned
  %updates.any = icmp ne i64 %updates.n, 0
  br label %pins.head
pins.head:
  %q = phi i64 [0, %settle], [%q2, %pins.body]
  %void = phi i1 [false, %settle], [%void2, %pins.body]
  %pins.more = icmp slt i64 %q, %pinned
  br i1 %pins.more, label %pins.body, label %judge
pins.body:
  %pin.p = getelementptr ptr, ptr %pins, i64 %q
  %pin = load ptr, ptr %pin.p
  %held.p = getelementptr ptr, ptr %held, i64 %q
  store ptr %pin, ptr %held.p
  %qcell.p = getelementptr ptr, ptr %cells, i64 %q
  %qcell = load ptr, ptr %qcell.p
  %qitems.p = getelementptr i8, ptr %qcell, i64 24
  %qitems = load ptr, ptr %qitems.p
  %qnow = load ptr, ptr %qitems
  %differs = icmp ne ptr %qnow, %pin
  %matters = and i1 %differs, %updates.any
  %void2 = or i1 %void, %matters
  %q2 = add i64 %q, 1
  br label %pins.head
judge:
  %holds = phi ptr [null, %finished], [%held, %pins.head]
  %holds.n = phi i64 [0, %finished], [%pinned, %pins.head]
  %is.void = phi i1 [false, %finished], [%void, %pins.head]
  %repeat = and i1 %ok, %is.void
  br i1 %repeat, label %again, label %valid
again:
  call void @drop(ptr %outputs, i64 %all.n, i64 0)
  call void @release(ptr %holds, i64 %holds.n)
  %keep.p = getelementptr i64, ptr %record, i64 19
  store i64 1, ptr %keep.p
  br label %args.head
valid:
  br i1 %ok, label %commit.start, label %fail
fail:
  ; giving up what was made may run Python code: the record is kept from that until all of it is read
  %epoch.fail = load i64, ptr @rt_epoch
  store i64 %epoch.fail, ptr %busy.p
  %keep.fail.p = getelementptr i64, ptr %record, i64 19
  store i64 0, ptr %keep.fail.p
  call void @drop(ptr %outputs, i64 %all.n, i64 0)
  call void @decref(ptr %list)
  %mine = icmp sgt i64 %code, 0
  br i1 %mine, label %raise, label %failed
failed:
  store i64 0, ptr %busy.p
  call void @release(ptr %holds, i64 %holds.n)
  br label %null
raise:
  ; fail(frame) raises; it gets a copy, because another thread may call this function before it has read it
  %fail.p = getelementptr i64, ptr %record, i64 12
  %fail.o = load ptr, ptr %fail.p
  store i64 %code, ptr %frame
  %bytes.p = getelementptr i64, ptr %record, i64 14
  %bytes = load i64, ptr %bytes.p
  %copy = call ptr @PyBytes_FromStringAndSize(ptr %frame, i64 %bytes)
  store i64 0, ptr %busy.p
  call void @release(ptr %holds, i64 %holds.n)
  %nocopy = icmp eq ptr %copy, null
  br i1 %nocopy, label %null, label %tell
tell:
  %fail.args = alloca ptr
  store ptr %copy, ptr %fail.args
  %r0 = call ptr @PyObject_Vectorcall(ptr %fail.o, ptr %fail.args, i64 1, ptr null)
  call void @decref(ptr %r0)
  call void @decref(ptr %copy)
  br label %null
null:
  ret ptr null
commit.start:
  %keep.last.p = getelementptr i64, ptr %record, i64 19
  store i64 0, ptr %keep.last.p
  store i64 0, ptr %busy.p
  br label %commit.head
commit.head:
  %u = phi i64 [0, %commit.start], [%u2, %commit.body]
  %commit.more = icmp slt i64 %u, %updates.n
  br i1 %commit.more, label %commit.body, label %give
commit.body:
  %updates.p = getelementptr i64, ptr %record, i64 11
  %updates = load ptr, ptr %updates.p
  %uc.p = getelementptr ptr, ptr %updates, i64 %u
  %uc = load ptr, ptr %uc.p
  %uitems.p = getelementptr i8, ptr %uc, i64 24
  %uitems = load ptr, ptr %uitems.p
  %uo = add i64 %outputs.n, %u
  %uo.at = mul i64 %uo, 8
  %uo.p = getelementptr ptr, ptr %outputs, i64 %uo.at
  %new = load ptr, ptr %uo.p
  store ptr null, ptr %uo.p
  %oldv = load ptr, ptr %uitems
  store ptr %new, ptr %uitems
  %replaced.p = getelementptr ptr, ptr %replaced, i64 %u
  store ptr %oldv, ptr %replaced.p
  %u2 = add i64 %u, 1
  br label %commit.head
give:
  br i1 %issingle, label %one, label %fill.start
one:
  %only = load ptr, ptr %outputs
  store ptr null, ptr %outputs
  br label %done
fill.start:
  %li.p = getelementptr i8, ptr %list, i64 24
  %li = load ptr, ptr %li.p
  br label %fill.head
fill.head:
  %f = phi i64 [0, %fill.start], [%f2, %fill.body]
  %fill.more = icmp slt i64 %f, %outputs.n
  br i1 %fill.more, label %fill.body, label %done
fill.body:
  %f.at = mul i64 %f, 8
  %fo.p = getelementptr ptr, ptr %outputs, i64 %f.at
  %fo = load ptr, ptr %fo.p
  store ptr null, ptr %fo.p
  %ft = getelementptr ptr, ptr %li, i64 %f
  store ptr %fo, ptr %ft
  %f2 = add i64 %f, 1
  br label %fill.head
done:
  %result.given = phi ptr [%only, %one], [%list, %fill.head]
  call void @release(ptr %replaced, i64 %updates.n)
  call void @release(ptr %holds, i64 %holds.n)
  call void @drop(ptr %outputs, i64 %all.n, i64 5)
  ret ptr %result.given
slow.release:
  %in.n = add i64 %n, %cells.n
  call void @release(ptr %owned, i64 %in.n)
  %keep.slow.p = getelementptr i64, ptr %record, i64 19
  store i64 0, ptr %keep.slow.p
  store i64 0, ptr %busy.p
  br label %slow.other
slow.other:
  call void @decref(ptr %list)
  br label %slow
slow:
  %slow.p = getelementptr i64, ptr %record, i64 6
  %slow.o = load ptr, ptr %slow.p
  %result = call ptr @PyObject_Vectorcall(ptr %slow.o, ptr %args, i64 %nargs, ptr %names)
  ret ptr %result
}
