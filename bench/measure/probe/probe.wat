;; A guest that does nothing, and one that does nothing but look a domain up:
;; what entering a guest and leaving it for the host cost by themselves.
(module
  (import "tenantedge" "tenant_by_domain" (func $by_domain (param i32 i32 i32 i32 i32 i32) (result i64)))
  (memory (export "memory") 1)
  (func (export "nothing") (param i32) (result i64) (i64.const 0))
  ;; The length of the domain is the argument; the domain lies at 0, the folder
  ;; "orders" at 512, and the record goes to 1024.
  (data (i32.const 512) "orders")
  (func (export "lookup") (param i32) (result i64)
    (call $by_domain (i32.const 0) (local.get 0) (i32.const 512) (i32.const 6) (i32.const 1024) (i32.const 1024))))
