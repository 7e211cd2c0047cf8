; How the entry takes arguments: plain arrays and numbers as they are, others converted where nothing is lost. Part of the
; module of runtime.ll.

; Describe array `a` in the frame from word `at` on: address, lengths, strides. The rank is known to be right.
define internal void @describe(ptr %a, i64 %rank, ptr %words) {
  %pdata = getelementptr i8, ptr %a, i64 16
  %data = load ptr, ptr %pdata
  store ptr %data, ptr %words
  %pl = getelementptr i8, ptr %a, i64 32
  %l = load ptr, ptr %pl
  %ps = getelementptr i8, ptr %a, i64 40
  %s = load ptr, ptr %ps
  %w1 = getelementptr i64, ptr %words, i64 1
  %w2 = getelementptr i64, ptr %w1, i64 %rank
  br label %head
head:
  %i = phi i64 [0, %0], [%j, %body]
  %more = icmp slt i64 %i, %rank
  br i1 %more, label %body, label %out
body:
  %lp = getelementptr i64, ptr %l, i64 %i
  %lv = load i64, ptr %lp
  %lt = getelementptr i64, ptr %w1, i64 %i
  store i64 %lv, ptr %lt
  %sp = getelementptr i64, ptr %s, i64 %i
  %sv = load i64, ptr %sp
  %st = getelementptr i64, ptr %w2, i64 %i
  store i64 %sv, ptr %st
  %j = add i64 %i, 1
  br label %head
out:
  ret void
}

; Take object `o` as the argument that `record` describes: 0 taken, 1 not plain. An array of another dtype that
; converts without loss is converted; the result is put into `owned` to be released.
define internal i64 @take(ptr %o, ptr %record, ptr %frame, ptr %owned, ptr %call) {
  %rank.p = getelementptr i64, ptr %record, i64 1
  %rank = load i64, ptr %rank.p
  %bits.p = getelementptr i64, ptr %record, i64 2
  %bits = load i64, ptr %bits.p
  %word.p = getelementptr i64, ptr %record, i64 4
  %word = load i64, ptr %word.p
  %descr.p = getelementptr i64, ptr %record, i64 6
  %descr = load ptr, ptr %descr.p
  %words = getelementptr i64, ptr %frame, i64 %word
  %type.p = getelementptr i8, ptr %o, i64 8
  %type = load ptr, ptr %type.p
  %isarray = icmp eq ptr %type, @np_PyArray_Type
  br i1 %isarray, label %array, label %number
array:
  %nd.p = getelementptr i8, ptr %o, i64 24
  %nd = load i32, ptr %nd.p
  %nd64 = sext i32 %nd to i64
  %ranks = icmp eq i64 %nd64, %rank
  br i1 %ranks, label %dtype, label %no
dtype:
  %d.p = getelementptr i8, ptr %o, i64 56
  %d = load ptr, ptr %d.p
  %same = icmp eq ptr %d, %descr
  %flags.p = getelementptr i8, ptr %o, i64 64
  %flags = load i32, ptr %flags.p
  %aligned.b = and i32 %flags, 256
  %aligned = icmp ne i32 %aligned.b, 0
  %plain = and i1 %same, %aligned
  br i1 %plain, label %given, label %other
other:
  ; convertible type number, native byte order
  %tn.p = getelementptr i8, ptr %d, i64 28
  %tn = load i32, ptr %tn.p
  %tn64 = zext i32 %tn to i64
  %small = icmp ult i64 %tn64, 24
  %order.p = getelementptr i8, ptr %d, i64 26
  %order = load i8, ptr %order.p
  %swapped = icmp eq i8 %order, 62
  %native = xor i1 %swapped, true
  %usable = and i1 %small, %native
  br i1 %usable, label %allowed, label %no
allowed:
  %mask.p = getelementptr i64, ptr %record, i64 3
  %mask = load i64, ptr %mask.p
  %shifted = lshr i64 %mask, %tn64
  %bit = and i64 %shifted, 1
  %may = icmp ne i64 %bit, 0
  br i1 %may, label %convert, label %no
convert:
  ; NumPy may give up the interpreter's lock meanwhile
  %epoch = load i64, ptr @rt_epoch
  %busy.p = getelementptr i64, ptr %call, i64 15
  store i64 %epoch, ptr %busy.p
  call void @incref(ptr %descr)
  %made = call ptr @np_PyArray_FromArray(ptr %o, ptr %descr, i32 1281)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %clear, label %own
clear:
  call void @PyErr_Clear()
  br label %no
own:
  %before = load ptr, ptr %owned
  call void @decref(ptr %before)
  store ptr %made, ptr %owned
  br label %given
given:
  %a = phi ptr [%o, %dtype], [%made, %own]
  call void @describe(ptr %a, i64 %rank, ptr %words)
  %nobits = icmp eq i64 %bits, 0
  br i1 %nobits, label %yes, label %ones
ones:
  %w1 = getelementptr i64, ptr %words, i64 1
  br label %head
head:
  %i = phi i64 [0, %ones], [%j, %next]
  %more = icmp slt i64 %i, %rank
  br i1 %more, label %body, label %yes
body:
  %fs = lshr i64 %bits, %i
  %f = and i64 %fs, 1
  %flagged = icmp ne i64 %f, 0
  %lp = getelementptr i64, ptr %w1, i64 %i
  %length = load i64, ptr %lp
  %isone = icmp eq i64 %length, 1
  %notflagged = xor i1 %flagged, true
  %fine = or i1 %isone, %notflagged
  br i1 %fine, label %next, label %no
next:
  %j = add i64 %i, 1
  br label %head
number:
  %isscalar = icmp eq i64 %rank, 0
  br i1 %isscalar, label %kind, label %no
kind:
  %kind.p = getelementptr i64, ptr %record, i64 5
  %k = load i64, ptr %kind.p
  %cell.p = getelementptr i64, ptr %record, i64 7
  switch i64 %k, label %no [ i64 1, label %double
                             i64 2, label %single
                             i64 3, label %long ]
double:
  %t1 = icmp eq ptr %type, @type_float
  %t2 = icmp eq ptr %type, @type_float64
  %t3 = icmp eq ptr %type, @type_int64
  %t12 = or i1 %t1, %t2
  br i1 %t12, label %asdouble, label %maybeint
maybeint:
  %t4 = icmp eq ptr %type, @type_int
  %t34 = or i1 %t3, %t4
  br i1 %t34, label %exactint, label %no
exactint:
  %iv0 = call double @PyFloat_AsDouble(ptr %o)
  %iva = call double @llvm.fabs.f64(double %iv0)
  %exact = fcmp olt double %iva, 0x4340000000000000
  br i1 %exact, label %maybefailed, label %clear
maybefailed:
  ; -1 is also what a number too large for a double gives
  %isminus = fcmp oeq double %iv0, -1.0
  br i1 %isminus, label %suspect, label %checkint
suspect:
  %overflow = call ptr @PyErr_Occurred()
  %overflown = icmp ne ptr %overflow, null
  br i1 %overflown, label %clear, label %checkint
checkint:
  store double %iv0, ptr %cell.p
  br label %scalar
asdouble:
  %dv = call double @PyFloat_AsDouble(ptr %o)
  store double %dv, ptr %cell.p
  br label %scalar
single:
  %u1 = icmp eq ptr %type, @type_float
  br i1 %u1, label %assingle, label %no
assingle:
  %sv = call double @PyFloat_AsDouble(ptr %o)
  %sf = fptrunc double %sv to float
  store float %sf, ptr %cell.p
  br label %scalar
long:
  %l1 = icmp eq ptr %type, @type_int
  br i1 %l1, label %aslong, label %no
aslong:
  %lv = call i64 @PyLong_AsLongLong(ptr %o)
  %minus = icmp eq i64 %lv, -1
  br i1 %minus, label %suspicious, label %storelong
suspicious:
  %err = call ptr @PyErr_Occurred()
  %haserr = icmp ne ptr %err, null
  br i1 %haserr, label %clear, label %storelong
storelong:
  store i64 %lv, ptr %cell.p
  br label %scalar
scalar:
  store ptr %cell.p, ptr %words
  br label %yes
yes:
  ret i64 0
no:
  ret i64 1
}
declare double @llvm.fabs.f64(double)
