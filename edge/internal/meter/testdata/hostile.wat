;; Functions of hostile and of broken guests.   wat2wasm hostile.wat -o hostile.wasm
(module
  (import "env" "host" (func $host))
  (memory (export "memory") 1)
  (type $void (func))
  (table 1 funcref)
  (elem (i32.const 0) $deep_indirect)

  (func (export "endless") (loop $l (br $l)))

  (func (export "endless_empty") (loop $l (block (br $l))))

  (func (export "endless_table") (loop $l (br_table $l $l (i32.const 5))))

  (func (export "endless_host") (loop $l (call $host) (br $l)))

  (func $deep (export "deep") (call $deep))

  ;; leaves its frame in all possible ways
  (func $deep_indirect (export "deep_indirect") (call_indirect (type $void) (i32.const 0)))

  (func $large_frame (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
           i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (i64.add (local.get 0)
      (call $large_frame (local.get 1) (local.get 2) (local.get 3) (local.get 4)
                         (local.get 5) (local.get 6) (local.get 7) (local.get 0))))
  (func (export "deep_large") (result i64)
    (call $large_frame (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)
                       (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)))

  ;; no loop, not deep, but 2^60 calls
  (func $wide (param $n i32)
    (if (local.get $n)
      (then
        (call $wide (i32.sub (local.get $n) (i32.const 1)))
        (call $wide (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "wide") (call $wide (i32.const 60)))

  (func (export "bomb")
    (loop $l
      (drop (memory.grow (i32.const 1)))
      (br $l)))

  (func (export "grow_most") (result i32) (memory.grow (i32.const 65535)))

  (func (export "fill_most")
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x7fffffff)))

  (func (export "copy_often")
    (loop $l
      (memory.copy (i32.const 0) (i32.const 0) (i32.const 65536))
      (br $l)))

  (func (export "trap") (drop (i32.load (i32.const -4))))

  ;; leaves frames in all ways; the depth is then the same as before
  (func $leave (param $way i32) (result i32)
    (block $a (result i32)
      (block $b
        (if (i32.eqz (local.get $way)) (then (return (i32.const 1))))
        (br_if $b (i32.eq (local.get $way) (i32.const 1)))
        (if (i32.eq (local.get $way) (i32.const 2))
          (then (br 3 (i32.const 5))))
        (br_table $a 2 (i32.const 3) (i32.sub (local.get $way) (i32.const 3))))
      (call $leave (i32.const 0))))
  (func $leave_two (param $way i32) (result i32 i64)
    (if (local.get $way)
      (then (return (call $leave (local.get $way)) (i64.const 2))))
    (br_if 0 (call $leave (i32.const 0)) (i64.const 3) (i32.const 1)))
  (func (export "leave") (param $n i32) (result i32)
    (loop $l
      (drop (call $leave (i32.rem_u (local.get $n) (i32.const 6))))
      (call $leave_two (i32.rem_u (local.get $n) (i32.const 2)))
      (drop) (drop)
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $n))

  (func (export "fine") (result i32) (i32.const 42))
)
