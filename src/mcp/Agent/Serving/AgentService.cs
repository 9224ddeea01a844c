using Grpc.Core;
using Mcp.Agent.Drilling;
using Mcp.Agent.Files;
using Mcp.Agent.Identity;
using Mcp.Agent.Importing;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Monitoring;
using Mcp.Agent.Snapshots;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>
/// The agent's calls. Who may call was decided before (see <see cref="AgentMethods"/>); here the master's term is checked, the call is
/// turned into an operation or a look, and the answer is written. What is not built yet falls through to the generated base: Unimplemented.
/// </summary>
internal sealed partial class AgentService(
    AgentParts parts, ServiceOperations operations, Observer observer, MonitorLoop monitor, FleetIdentity? identity, HealthLook health,
    FileOutlet outlet, DataOperations data, DataExport export, ServiceDrill drill)
    : McpAgentService.McpAgentServiceBase
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public override async Task Deploy(AgentDeployRequest request, IServerStreamWriter<AgentDeployEvent> responseStream, ServerCallContext context)
    {
        var asker = AskerOf(context);
        var ct = context.CancellationToken;
        var work = operations.DeployAsync(asker, request, ct);
        // The feed ends with the outcome, also of a deploy that failed before its first step; a cut call only ends this watching.
        await foreach (var happened in parts.Feed.WatchAsync(asker.Id.Value, 0, Patience, ct))
        {
            if (happened.Outcome is not null)
                break;
            await responseStream.WriteAsync(new AgentDeployEvent { Progress = happened }, ct);
        }
        await responseStream.WriteAsync(new AgentDeployEvent { Result = await work }, ct);
    }

    /// <inheritdoc/>
    public override Task<UndeployServiceResponse> UndeployService(UndeployServiceRequest request, ServerCallContext context) =>
        operations.UndeployAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<LifecycleResponse> StopService(StopServiceRequest request, ServerCallContext context) =>
        operations.StopAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<LifecycleResponse> StartService(StartServiceRequest request, ServerCallContext context) =>
        operations.StartAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<LifecycleResponse> RestartService(RestartServiceRequest request, ServerCallContext context) =>
        operations.RestartAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<AdoptContainersResponse> AdoptContainers(AdoptContainersRequest request, ServerCallContext context) =>
        operations.AdoptAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PurgeComponentResponse> PurgeComponent(PurgeComponentRequest request, ServerCallContext context) =>
        operations.PurgeRowsAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<DataRecord> AcceptData(AcceptDataRequest request, ServerCallContext context) =>
        operations.AcceptDataAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PurgeDataResponse> PurgeData(PurgeDataRequest request, ServerCallContext context) =>
        operations.PurgeDataAsync(AskerOf(context), request, context.CancellationToken);

    // Every mutating call: the operation's id, who is behind it, and a master of the term that this node obeys.
    private Asker AskerOf(ServerCallContext context)
    {
        Obey(context);
        return new Asker(context.RequireOperation(), context.GetActor().ToString(), context.GetCaller().Principal?.Kind != PrincipalKind.Master);
    }

    /// <summary>Refuses a master of a lower term than one that was obeyed before; a higher one is remembered with its address.</summary>
    private void Obey(ServerCallContext context)
    {
        if (context.GetTerm() is { } term && !parts.State.TryAdvanceTerm(term, context.GetMasterAddress()))
        {
            parts.Refused.Saw(term, context.GetMasterAddress() is { Length: > 0 } address ? Text.Printable.Line(address, 80) : context.GetCaller().PeerAddress);
            // For the master itself, which ends when it learns that its time is over.
            context.ResponseTrailers.Add(CallMetadata.Term, parts.State.Term.ToString(System.Globalization.CultureInfo.InvariantCulture));
            throw new McpException(FaultCode.FailedPrecondition, $"this master lives in term {term}, but {parts.Node} has obeyed term {parts.State.Term}: the call was refused")
            {
                Cause = "the fleet was restored on another master since",
                Hint = $"stop this master; the fleet's is at {parts.State.MasterAddress}",
            };
        }
    }

    private static McpException NotYet(string what) => new(FaultCode.Unimplemented, $"{what} is not built yet in mcp {ProgramVersion.Text}") { Hint = "see CHANGELOG.md for what is" };
}
