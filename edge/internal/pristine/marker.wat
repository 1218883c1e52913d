;; The module by which a guest marks the memory that it writes: see marks.go, which
;; defines the layout of its memory. Build: wat2wasm marker.wat
(module
  (memory (export "memory") 0)
  ;; mark marks n bytes at an address. It ignores what is beyond the memory. It takes the
  ;; time of 17 words at most, since a guest calls it for little fuel.
  (func $mark (export "mark") (param $at i32) (param $n i32)
    (local $grain i64) (local $end i64) (local $set i64) (local $block i32) (local $word i32)
    (if (i32.eqz (local.get $n)) (then (return)))
    (local.set $grain (i64.shr_u (i64.extend_i32_u (local.get $at)) (i64.const 10)))
    (local.set $end
      (i64.add (i64.const 1) (i64.shr_u
        (i64.sub (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $n))) (i64.const 1))
        (i64.const 10))))
    (if (i64.gt_u (local.get $end) (i64.load32_u (i32.const 0)))
      (then (local.set $end (i64.load32_u (i32.const 0)))))
    (if (i64.ge_s (i64.sub (local.get $end) (local.get $grain)) (i64.const 1024))
      (then (i32.store offset=4 (i32.const 0) (i32.const 1)) (return)))
    (block $done
      (loop $next
        (br_if $done (i64.ge_u (local.get $grain) (local.get $end)))
        (local.set $set (i64.shl (i64.const -1) (local.get $grain)))
        (if (i64.eq (i64.shr_u (local.get $grain) (i64.const 6)) (i64.shr_u (local.get $end) (i64.const 6)))
          (then (local.set $set (i64.xor (local.get $set) (i64.shl (i64.const -1) (local.get $end))))))
        (local.set $block
          (i32.mul (i32.wrap_i64 (i64.shr_u (local.get $grain) (i64.const 12))) (i32.const 520)))
        (local.set $word
          (i32.add (local.get $block)
            (i32.and (i32.wrap_i64 (i64.shr_u (local.get $grain) (i64.const 3))) (i32.const 0x1f8))))
        (i64.store offset=16 (local.get $word)
          (i64.or (i64.load offset=16 (local.get $word)) (local.get $set)))
        (i64.store offset=8 (local.get $block)
          (i64.or (i64.load offset=8 (local.get $block))
            (i64.shl (i64.const 1) (i64.shr_u (local.get $grain) (i64.const 6)))))
        (local.set $grain (i64.add (i64.and (local.get $grain) (i64.const -64)) (i64.const 64)))
        (br $next)))))
