using Google.Protobuf;
using Grpc.Core;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master;

internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<NodeAddResponse> NodeAdd(NodeAddRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        var invitation = parts.Nodes.Add(request, By(context));
        parts.PutInForce();
        return new NodeAddResponse
        {
            Token = invitation.Token.Reveal(),
            Expires = invitation.Expires,
            MasterAddress = parts.Address(),
            RootSha256 = parts.Authority.RootSha256,
        };
    });

    /// <inheritdoc/>
    public override Task<NodeRemoveResponse> NodeRemove(NodeRemoveRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        var response = parts.Nodes.Remove(request, By(context));
        parts.PutInForce();
        parts.Links.Drop(request.Name);
        parts.Board.Forget(request.Name);
        parts.Probe.Forget(request.Name);
        parts.KeptAnswers.Forget(request.Name);
        return response;
    });

    /// <inheritdoc/>
    public override Task<NodeCordonResponse> NodeCordon(NodeCordonRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        parts.Nodes.Cordon(request, By(context));
        return new NodeCordonResponse();
    });

    /// <inheritdoc/>
    public override Task<NodeSetResponse> NodeSet(NodeSetRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        parts.Nodes.Set(request, By(context));
        return new NodeSetResponse();
    });

    /// <inheritdoc/>
    public override Task<AcceptMissingResponse> AcceptMissing(AcceptMissingRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        var response = new AcceptMissingResponse();
        response.Awaited.AddRange(parts.Recovery.AcceptMissing(request.Node, By(context)));
        return response;
    });

    /// <inheritdoc/>
    public override Task<OperatorAddResponse> OperatorAdd(OperatorAddRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        var invitation = parts.Operators.Add(request, By(context));
        parts.PutInForce();
        return new OperatorAddResponse
        {
            Token = invitation.Token.Reveal(),
            Expires = invitation.Expires,
            MasterAddress = parts.Address(),
            RootSha256 = parts.Authority.RootSha256,
        };
    });

    /// <inheritdoc/>
    public override Task<OperatorRemoveResponse> OperatorRemove(OperatorRemoveRequest request, ServerCallContext context) => OnceAsync(context, request, () =>
    {
        parts.Operators.Remove(request.Name, By(context));
        parts.PutInForce();
        return new OperatorRemoveResponse();
    });

    /// <inheritdoc/>
    public override Task<RegisterResponse> Register(RegisterRequest request, ServerCallContext context) =>
        parts.Registering.RegisterAsync(context.GetCaller(), request, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<HeartbeatResponse> Heartbeat(HeartbeatRequest request, ServerCallContext context)
    {
        var caller = context.GetCaller();
        var response = await parts.Registering.HeartbeatAsync(caller, request);
        if (response.RegisterAgain)
            parts.GrantRegister(caller.Principal!.Name);
        return response;
    }

    /// <inheritdoc/>
    public override Task<ReportActionsResponse> ReportActions(ReportActionsRequest request, ServerCallContext context) =>
        Task.FromResult(ActionReports.Store(parts.Database, context.GetCaller().Principal!.Name, request, Timestamp.Now(parts.Clock)));

    /// <inheritdoc/>
    public override Task<RenewIdentityResponse> RenewIdentity(RenewIdentityRequest request, ServerCallContext context) =>
        Task.FromResult(parts.Renewal.Renew(context.GetCaller(), request));

    /// <inheritdoc/>
    public override Task<JoinResponse> Join(JoinRequest request, ServerCallContext context)
    {
        var response = parts.Joining.Join(request);
        // Older keys of this principal were retired by the join: its certificates stop working now, also on open connections.
        parts.Seen.Forget(new Principal(response.Kind == "agent" ? PrincipalKind.Agent : PrincipalKind.Human, response.Name));
        parts.PutInForce();
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<FleetRootResponse> FleetRoot(FleetRootRequest request, ServerCallContext context) =>
        Task.FromResult(new FleetRootResponse { Der = ByteString.CopyFrom(parts.Authority.RootDer) });
}
