using System.Globalization;
using Grpc.Core;
using Mcp.Agent.Identity;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Monitoring;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Status = Mcp.V1.ServiceStatus;

namespace Mcp.Agent.Serving;

/// <summary>Looking: always what is seen now, never what was wished.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override async Task<ListServicesResponse> ListServices(ListServicesRequest request, ServerCallContext context)
    {
        Obey(context);
        using var look = new PodmanLook(context.CancellationToken);
        var response = new ListServicesResponse();
        foreach (var service in parts.Services.All())
        {
            var listed = new RegisteredService
            {
                Spec = service.Spec,
                Status = await StatusOfAsync(service, look),
                DeployedBy = service.Principal,
                DeployedAt = service.DeployedAt,
                Operation = service.Operation,
            };
            listed.Images.AddRange(service.Components.Select(c => c.Image));
            response.Services.Add(listed);
        }
        return response;
    }

    /// <inheritdoc/>
    public override async Task<Status> GetServiceStatus(GetServiceStatusRequest request, ServerCallContext context)
    {
        Obey(context);
        using var look = new PodmanLook(context.CancellationToken);
        return await StatusOfAsync(Require(request.Service), look);
    }

    /// <inheritdoc/>
    public override async Task<LiveCheckResponse> LiveCheck(LiveCheckRequest request, ServerCallContext context)
    {
        Obey(context);
        using var look = new PodmanLook(context.CancellationToken);
        try
        {
            var seen = new List<(RegisteredServiceRow Service, IReadOnlyList<V1.ContainerStatus> Containers)>();
            var response = new LiveCheckResponse();
            if (request.Service.Length > 0)
            {
                var service = Require(request.Service);
                seen.Add((service, await observer.ObserveAsync(service, look.Token)));
            }
            else
            {
                // Before the list: a service that comes in between is not judged by a list that is older than it.
                var services = parts.Services.All();
                var listed = await observer.ListAsync(look.Token);
                foreach (var service in services)
                    seen.Add((service, await observer.ObserveAsync(service, listed, look.Token)));
                response.Unmanaged.AddRange(Observer.Unmanaged(parts.Services.All(), listed));
            }
            await Task.WhenAll(seen.Select(s => health.AskAsync(s.Service, s.Containers, context.CancellationToken)));
            response.Containers.AddRange(seen.SelectMany(s => s.Containers));
            // Asked after the look: what somebody works on, or did while it was looked at, is not judged by it.
            response.Busy.AddRange(parts.Services.All().Select(s => s.Name).Where(IsBusy));
            return response;
        }
        catch (PodmanException e)
        {
            throw e.ToFault($"the containers of {parts.Node} could not be looked at");
        }
        catch (OperationCanceledException) when (look.Expired)
        {
            throw new McpException(FaultCode.Unavailable, $"the containers of {parts.Node} could not be looked at: {PodmanLook.Problem}") { Hint = PodmanLook.Hint(parts.Node) };
        }
    }

    /// <inheritdoc/>
    public override async Task<NodeStatusResponse> NodeStatus(NodeStatusRequest request, ServerCallContext context)
    {
        Obey(context);
        var services = parts.Services.All();
        var (total, free) = NodeFacts.Disk(parts.Configuration.DataRoot);
        var response = new NodeStatusResponse
        {
            Name = parts.Node,
            Role = parts.Configuration.Role,
            Address = parts.Configuration.Address,
            Arch = NodeFacts.Arch,
            Version = ProgramVersion.Text,
            Services = (uint)services.Count,
            DiskTotalBytes = total,
            DiskFreeBytes = free,
            MemoryBytes = NodeFacts.MemoryBytes(),
            MasterAddress = parts.State.MasterAddress ?? parts.Configuration.MasterAddress ?? "",
            MasterContact = parts.State.MasterContact ?? "",
            CertificateExpires = identity?.Credentials.Current.NotAfter.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "",
            Term = parts.State.Term,
            RevocationRevision = parts.State.RevocationRevision,
        };
        response.Revoked.AddRange(parts.State.Revoked);
        using var look = new PodmanLook(context.CancellationToken);
        try
        {
            var host = await parts.Podman.HostAsync(look.Token);
            (response.PodmanVersion, response.Rootless) = (host.Version, host.Rootless);
            response.Containers = (uint)(await parts.Podman.ListContainersAsync(null, look.Token)).Count(c => c.Status == Podman.ContainerStatus.Running);
        }
        catch (OperationCanceledException) when (look.Expired)
        {
            response.Problems.Add($"podman: {PodmanLook.Problem}");
        }
        catch (PodmanException e)
        {
            response.Problems.Add($"podman: {e.Message}");
        }
        if (parts.Start.Unconfirmed)
            response.Problems.Add("unconfirmed: the services were started without the master's word that they are still this node's");
        if (parts.Refused.Problem is { } other)
            response.Problems.Add(other);
        return response;
    }

    /// <inheritdoc/>
    public override async Task<HealthCheckResponse> HealthCheck(HealthCheckRequest request, ServerCallContext context)
    {
        Obey(context);
        var response = new HealthCheckResponse { Status = "healthy" };
        // The monitor's last look answers at once when podman hangs: the caller waits 3 s at most.
        if (monitor.PodmanProblem is { } problem)
        {
            response.Problems.Add($"podman: {problem}");
        }
        else
        {
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
                limit.CancelAfter(TimeSpan.FromSeconds(2));
                response.Containers = (uint)(await parts.Podman.ListContainersAsync(null, limit.Token)).Count(c => c.Status == Podman.ContainerStatus.Running);
            }
            catch (Exception e) when (e is PodmanException || (e is OperationCanceledException && !context.CancellationToken.IsCancellationRequested))
            {
                response.Problems.Add($"podman: {(e is PodmanException ? e.Message : "no answer within 2 s")}");
            }
        }
        if (response.Problems.Count > 0)
            response.Status = "degraded";
        response.Unconfirmed = parts.Start.Unconfirmed;
        if (parts.Refused.Problem is { } other)
            response.Problems.Add(other);
        return response;
    }

    /// <inheritdoc/>
    public override async Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context)
    {
        Obey(context);
        await foreach (var happened in parts.Events.WatchAsync(request, context.CancellationToken))
            await responseStream.WriteToFollowerAsync(happened, $"mcp events -f --direct --node {parts.Node} --since {happened.At}", parts.Clock, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task Watch(WatchRequest request, IServerStreamWriter<OperationEvent> responseStream, ServerCallContext context)
    {
        Obey(context);
        var id = ParseOperation(request.Operation);
        var told = false;
        await foreach (var happened in parts.Feed.WatchAsync(id.Value, request.After, Patience, context.CancellationToken))
        {
            told = true;
            await responseStream.WriteAsync(happened, context.CancellationToken);
        }
        // An operation of an earlier process: its end is in the journal.
        if (!told && parts.Operations.Find(id) is { } row)
        {
            var sequence = request.After;
            foreach (var step in parts.Operations.Steps(id))
                await responseStream.WriteAsync(new OperationEvent { Operation = id.Value, Sequence = ++sequence, At = row.Ended, Step = step.Step, Result = step, Node = parts.Node }, context.CancellationToken);
            if (row.IsOver)
            {
                await responseStream.WriteAsync(new OperationEvent
                {
                    Operation = id.Value,
                    Sequence = ++sequence,
                    At = row.Ended,
                    Step = row.Step,
                    Node = parts.Node,
                    Outcome = new OperationOutcome { Success = row.State == "succeeded", Error = row.Error, AlreadyDone = true },
                }, context.CancellationToken);
            }
        }
        else if (!told && !parts.Runner.IsRunning(id))
        {
            throw new McpException(FaultCode.NotFound, $"{parts.Node} knows no operation {id}");
        }
    }

    /// <inheritdoc/>
    public override Task<GetOperationResponse> GetOperation(GetOperationRequest request, ServerCallContext context)
    {
        Obey(context);
        var id = ParseOperation(request.Operation);
        if (parts.Operations.Find(id) is not { } row)
            return Task.FromResult(new GetOperationResponse { Known = parts.Runner.IsRunning(id), Operation = parts.Runner.IsRunning(id) ? new Operation { Id = id.Value, State = "running", Node = parts.Node } : null });
        var response = new GetOperationResponse { Known = true, Operation = row.ToMessage(parts.Node, parts.Operations.Steps(id)) };
        if (row is { Kind: "deploy", State: "succeeded", Result: { } result })
            response.Deploy = AgentDeployResult.Parser.ParseFrom(result);
        else if (row is { Kind: "adopt", State: "succeeded", Result: { } adopted })
            response.Deploy = AdoptContainersResponse.Parser.ParseFrom(adopted).Result;
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<AgentHistoryResponse> History(AgentHistoryRequest request, ServerCallContext context)
    {
        Obey(context);
        var response = new AgentHistoryResponse();
        response.Generations.AddRange(parts.Services.Generations(request.Service, parts.Node));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ListDataResponse> ListData(ListDataRequest request, ServerCallContext context)
    {
        Obey(context);
        var response = new ListDataResponse();
        response.Records.AddRange(parts.Data.All().Select(row => ServiceLifecycle.ToMessage(parts, row)));
        response.Records.AddRange(parts.Folders.PlacedIn(DataFolders.Aside).Concat(parts.Folders.PlacedIn(DataFolders.Staging)).Select(Describe));
        return Task.FromResult(response);
    }

    // By the copy's own marker: the registry forgets what is not current any more.
    private DataRecord Describe(PlacedFolder folder) => new()
    {
        Service = folder.Service,
        Node = parts.Node,
        VolumeId = folder.Marker?.VolumeId ?? "",
        Epoch = folder.Marker?.Epoch ?? 0,
        State = folder.Place,
        Updated = folder.Since,
        Path = folder.Path,
    };

    private async Task<Status> StatusOfAsync(RegisteredServiceRow service, PodmanLook look)
    {
        var status = new Status
        {
            Name = service.Name,
            Node = parts.Node,
            Tier = service.Spec.Tier,
            Generation = service.Generation,
            DesiredRunning = service.DesiredRunning,
            HeldBy = service.HeldBy,
            SpecHash = service.SpecHash,
            Epoch = parts.Data.Find(service.Name)?.Epoch ?? 0,
            Status = "unknown",
        };
        try
        {
            var containers = await observer.ObserveAsync(service, look.Token);
            status.Containers.AddRange(containers);
            status.Status = Observer.StatusOf(service, containers);
            status.Problems.AddRange(Observer.ProblemsOf(service, containers));
        }
        catch (PodmanException e)
        {
            // Unknown, never absent.
            status.Problems.Add($"podman: {e.Message}");
        }
        catch (OperationCanceledException) when (look.Expired)
        {
            status.Problems.Add($"podman: {PodmanLook.Problem}");
        }
        return status;
    }

    private bool IsBusy(string service) => !parts.Start.Done || parts.Locks.HolderOf(ServiceName.Parse(service)) is not null;

    private RegisteredServiceRow Require(string service) =>
        parts.Services.Find(service) ?? throw new McpException(FaultCode.NotFound, $"{Printable.Line(service, 80)} is not deployed on {parts.Node}") { Hint = "mcp list" };

    private static OperationId ParseOperation(string text) =>
        OperationId.TryParse(text, out var id, out var problem) ? id : throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(text, 80)}' {problem}");
}
