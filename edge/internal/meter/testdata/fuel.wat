;; Small functions whose fuel can be counted by hand; fuel_test.go has the cost of
;; each.   wat2wasm fuel.wat -o fuel.wasm
(module
  (import "env" "host" (func $host))
  (memory 1 4)
  (table 4 funcref)
  (elem (i32.const 0) $nothing $nothing $leaf)
  (type $void (func))
  (global $g (mut i32) (i32.const 7))

  (func $nothing (export "nothing"))

  ;; const, const, add, drop
  (func (export "straight") (drop (i32.add (i32.const 1) (i32.const 2))))

  ;; n iterations: each local.get, const, sub, local.tee, br_if
  (func (export "loop") (param $n i32)
    (loop $l
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))

  (func $leaf (export "leaf") (drop (i32.const 1)))

  (func (export "call") (call $leaf) (call $leaf))

  (func (export "call_indirect") (call_indirect (type $void) (i32.const 2)))

  (func (export "call_host") (call $host))

  (func (export "divide") (param $n i32) (result i32)
    (i32.div_u (i32.const 100) (local.get $n)))

  ;; the arms are small: both are always charged for
  (func (export "small_if") (param $c i32) (result i32)
    (if (result i32) (local.get $c)
      (then (i32.const 1))
      (else (i32.add (i32.const 1) (i32.const 2)))))

  ;; the arm is not small: charged for when it runs
  (func (export "large_if") (param $c i32)
    (if (local.get $c)
      (then
        (drop (i32.const 1)) (drop (i32.const 2)) (drop (i32.const 3))
        (drop (i32.const 4)) (drop (i32.const 5)) (drop (i32.const 6))
        (drop (i32.const 7)) (drop (i32.const 8)) (drop (i32.const 9)))))

  ;; the code after the block is charged for together with the code before it
  (func (export "block") (param $c i32)
    (block $b
      (br_if $b (local.get $c))
      (drop (i32.const 1)))
    (drop (i32.const 2)))

  ;; each target of a br_table is charged for when it is reached
  (func (export "switch") (param $c i32) (result i32)
    (block $two
      (block $one
        (block $zero
          (br_table $zero $one $two (local.get $c)))
        (return (i32.const 10)))
      (drop (i32.const 0)) (drop (i32.const 0))
      (return (i32.const 11)))
    (i32.const 12))

  (func (export "fill") (param $n i32)
    (memory.fill (i32.const 0) (i32.const 1) (local.get $n)))

  (func (export "copy") (param $n i32)
    (memory.copy (i32.const 0) (i32.const 8) (local.get $n)))

  (func (export "grow") (param $n i32) (result i32)
    (memory.grow (local.get $n)))

  (func (export "unreachable") (drop (i32.const 1)) (unreachable))

  (func (export "global") (result i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1)))
    (global.get $g))
)
