package examples

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// GRPC returns an interceptor that routes each unary call by its authority and
// method, and fails calls without a tenant. Handlers get the tenant from
// [tenant.From], and only the metadata that the client may set.
func GRPC(host *edge.Host) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		r, err := host.RequestFrom(ctx, incomingGRPC(ctx, md, info.FullMethod))
		var d edge.Decision
		if err == nil {
			d, err = host.Route(ctx, &r)
		}
		switch {
		case err != nil:
			return nil, statusGRPC(edge.AsRouteError(err).Status)
		case d.Outcome != abi.Tenant:
			return nil, statusGRPC(d.Status)
		}
		ctx = metadata.NewIncomingContext(ctx, allowedMetadata(md, host.ApplicationHeader(&r)))
		return handler(tenant.NewContext(ctx, &d.Tenant), request)
	}
}

// incomingGRPC returns the HTTP/2 request of a call.
func incomingGRPC(ctx context.Context, md metadata.MD, method string) *edge.Incoming {
	in := &edge.Incoming{
		Method: "POST", Host: strings.Join(md.Get(":authority"), "\n"), Target: method, Header: http.Header{},
		ProtoMajor: 2, ContentLength: -1,
	}
	for name, values := range md {
		if strings.HasPrefix(name, ":") {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(name, "-bin") { // gRPC has decoded it
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
			in.Header.Add(name, value)
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		in.RemoteAddr = p.Addr.String()
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			in.TLS, in.ServerName = true, info.State.ServerName
		}
	}
	return in
}

// allowedMetadata returns the part of md that is in the headers for the handler.
func allowedMetadata(md metadata.MD, fields http.Header) metadata.MD {
	allowed := metadata.MD{}
	for name, values := range md {
		got := fields.Values(name)
		switch {
		case strings.HasPrefix(name, ":"):
			allowed[name] = values
		case len(got) == 0:
		case strings.HasSuffix(name, "-bin"):
			allowed[name] = values
		default:
			allowed[name] = got
		}
	}
	return allowed
}

// statusGRPC returns the error of a call that is refused with an HTTP status.
func statusGRPC(code int) error {
	switch code {
	case http.StatusNotFound:
		return status.Error(codes.NotFound, "no tenant")
	case http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge, http.StatusMisdirectedRequest:
		return status.Error(codes.InvalidArgument, http.StatusText(code))
	case http.StatusServiceUnavailable:
		return status.Error(codes.Unavailable, http.StatusText(code))
	}
	return status.Error(codes.Internal, "routing failed")
}
