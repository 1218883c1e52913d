package examples

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// GRPC returns an interceptor that routes each call by its authority and method
// and fails calls without a tenant. Handlers get the tenant from [tenant.From].
func GRPC(host *edge.Host) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		d, err := host.Route(ctx, &edge.Request{
			Method: "POST", Scheme: "http", Host: strings.Join(md.Get(":authority"), "\n"), Target: info.FullMethod,
		})
		if err != nil {
			return nil, status.Error(codes.Unavailable, "routing failed")
		}
		if d.Outcome != abi.Tenant {
			return nil, status.Error(codes.NotFound, "no tenant")
		}
		return handler(tenant.NewContext(ctx, &d.Tenant), request)
	}
}
