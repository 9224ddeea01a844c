using System.Collections.Concurrent;
using Grpc.Core;
using Mcp.Certificates;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Master;

/// <summary>
/// An agent that deploys nothing but behaves like one at the wire: over real TLS, idempotent by operation id, with a journal that survives
/// lost answers, and with switches for the ways in which real ones fail.
/// </summary>
internal sealed partial class FakeAgent : McpAgentService.McpAgentServiceBase, IAccessDirectory, IAuditSink, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, GetOperationResponse> _journal = new();
    private RoleServer? _server;
    private int _liveChecks;

    public FakeAgent(string name) => Name = name;

    public string Name { get; }

    public string Address { get; private set; } = "";

    /// <summary>What runs here, by service.</summary>
    public ConcurrentDictionary<string, AgentDeployRequest> Running { get; } = new();

    /// <summary>What is stored here, by service.</summary>
    public ConcurrentDictionary<string, DataRecord> Data { get; } = new();

    /// <summary>Every deploy that was asked for, repeated ids too.</summary>
    public ConcurrentQueue<(string Operation, AgentDeployRequest Request)> Deploys { get; } = new();

    /// <summary>The next deploy is done, but its answer is lost.</summary>
    public bool LoseAnswer { get; set; }

    /// <summary>The next deploys fail and are put back, with these words.</summary>
    public string? FailWith { get; set; }

    /// <summary>Only the deploys of this service fail.</summary>
    public string? FailOnly { get; set; }

    /// <summary>Deploys of this service alone wait for <see cref="Gate"/>; null: all do.</summary>
    public string? GateOnly { get; set; }

    /// <summary>Deploys of this service arrive and are forgotten before anything is written, as by an agent that is killed.</summary>
    public string? Swallow { get; set; }

    /// <summary>What runs here but is stopped.</summary>
    public ConcurrentDictionary<string, bool> Stopped { get; } = new();

    /// <summary>How many more times it says of a service that it is unhealthy.</summary>
    public ConcurrentDictionary<string, int> Unhealthy { get; } = new();

    /// <summary>How many more times a service with a check does not say in time how it is.</summary>
    public ConcurrentDictionary<string, int> Slow { get; } = new();

    /// <summary>How often it was asked what lives here.</summary>
    public int LiveChecks => _liveChecks;

    /// <summary>Every undeploy, start and stop that was asked for: "stop notes".</summary>
    public ConcurrentQueue<string> Others { get; } = new();

    /// <summary>A deploy waits for this before it is done.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>The highest term that it obeyed; a lower one is refused where the master asks how it is.</summary>
    public ulong Term { get; set; } = 1;

    /// <summary>What it knows to be revoked, and in which revision.</summary>
    public (ulong Revision, IReadOnlyList<string> Revoked) Revocations { get; set; } = (0, []);

    /// <summary>GetOperation is not answered while this is set.</summary>
    public bool Mute { get; set; }

    public async Task StartAsync(CredentialSource credentials, TrustSource trust, string domain)
    {
        _server = RoleServer.Build(new RoleServerOptions
        {
            Role = "agent",
            Domain = domain,
            Addresses = ["127.0.0.1:0"],
            Credentials = credentials,
            Trust = trust,
            Table = AgentMethods.Table,
            Access = this,
            Audit = this,
            Clock = TimeProvider.System,
            Logging = NullLoggerFactory.Instance,
            Version = "test",
            Services = services => services.AddSingleton(this),
            Map = endpoints => endpoints.MapGrpcService<FakeAgent>(),
        });
        await _server.StartAsync(CancellationToken.None);
        Address = $"127.0.0.1:{_server.Endpoints[0].Port}";
    }

    public override async Task Deploy(AgentDeployRequest request, IServerStreamWriter<AgentDeployEvent> responseStream, ServerCallContext context)
    {
        var operation = context.RequireOperation().Value;
        Deploys.Enqueue((operation, request));
        if (Swallow == request.Spec.Name)
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        if (_journal.TryGetValue(operation, out var known) && known.Deploy is { } earlier)
        {
            await responseStream.WriteAsync(new AgentDeployEvent { Result = earlier });
            return;
        }
        await responseStream.WriteAsync(new AgentDeployEvent { Progress = new OperationEvent { Operation = operation, Step = "pull", Message = "pulling" } });
        if (request.Only.Length > 0)
        {
            if (RefuseToTake is { } refusal)
                throw new McpException(FaultCode.FailedPrecondition, refusal) { Hint = "change it" };
            await responseStream.WriteAsync(new AgentDeployEvent { Result = new AgentDeployResult() });
            return;
        }
        if (GateOnly is null || GateOnly == request.Spec.Name)
            await Gate;
        if (FailWith is { } words && (FailOnly is null || FailOnly == request.Spec.Name))
        {
            var fault = new McpException(FaultCode.FailedPrecondition, words) { Step = "health", State = "the containers from before run again" };
            Journal(operation, request.Spec.Name, "put-back", fault.ToDetail(), null);
            throw fault;
        }
        var result = Do(request);
        Journal(operation, request.Spec.Name, "succeeded", null, result);
        if (LoseAnswer)
        {
            LoseAnswer = false;
            context.GetHttpContext().Abort();
            return;
        }
        await responseStream.WriteAsync(new AgentDeployEvent { Result = result });
    }

    public override Task<UndeployServiceResponse> UndeployService(UndeployServiceRequest request, ServerCallContext context)
    {
        Others.Enqueue($"undeploy {request.Service}");
        RequireFree(request.Service, request.HeldBy);
        if (!Running.TryRemove(request.Service, out _))
            throw new McpException(FaultCode.NotFound, $"no service {request.Service}");
        Journal(context.RequireOperation().Value, request.Service, "succeeded", null, null);
        return Task.FromResult(new UndeployServiceResponse { Steps = { new StepResult { Step = "remove", Success = true } } });
    }

    public override Task<LifecycleResponse> StopService(StopServiceRequest request, ServerCallContext context)
    {
        Others.Enqueue($"stop {request.Service}");
        if (RefuseToStop is { } words)
        {
            var fault = new McpException(FaultCode.DeadlineExceeded, words);
            Journal(context.RequireOperation().Value, request.Service, "failed", fault.ToDetail(), null);
            Held[request.Service] = request.HeldBy;
            throw fault;
        }
        if (request.HeldBy.Length > 0)
            Held[request.Service] = request.HeldBy;
        else if (request.BreakHold)
            Held.TryRemove(request.Service, out _);
        Stopped[request.Service] = true;
        Journal(context.RequireOperation().Value, request.Service, "succeeded", null, null);
        return Task.FromResult(new LifecycleResponse());
    }

    public override Task<LifecycleResponse> StartService(StartServiceRequest request, ServerCallContext context)
    {
        Others.Enqueue($"start {request.Service}");
        if (FailStarts > 0 && FailStarts-- > 0)
        {
            var fault = new McpException(FaultCode.FailedPrecondition, $"{request.Service} did not become healthy") { Step = "health" };
            Journal(context.RequireOperation().Value, request.Service, "failed", fault.ToDetail(), null);
            throw fault;
        }
        if (request.BreakHold)
            Held.TryRemove(request.Service, out _);
        RequireFree(request.Service, "");
        Stopped.TryRemove(request.Service, out _);
        Journal(context.RequireOperation().Value, request.Service, "succeeded", null, null);
        return Task.FromResult(new LifecycleResponse());
    }

    public override Task<LifecycleResponse> RestartService(RestartServiceRequest request, ServerCallContext context)
    {
        Journal(context.RequireOperation().Value, request.Service, "succeeded", null, null);
        return Task.FromResult(new LifecycleResponse());
    }

    /// <summary>Adopts whatever it is told, once for each operation.</summary>
    public override Task<AdoptContainersResponse> AdoptContainers(AdoptContainersRequest request, ServerCallContext context)
    {
        var operation = context.RequireOperation().Value;
        if (_journal.TryGetValue(operation, out var known) && known.Deploy is { } earlier)
            return Task.FromResult(new AdoptContainersResponse { Result = earlier });
        var result = Do(new AgentDeployRequest { Spec = request.Spec, Epoch = request.Epoch, VolumeId = request.VolumeId });
        result.Spec = request.Spec;
        Journal(operation, request.Spec.Name, "succeeded", null, result);
        if (!LoseAnswer)
            return Task.FromResult(new AdoptContainersResponse { Result = result });
        LoseAnswer = false;
        context.GetHttpContext().Abort();
        throw new McpException(FaultCode.Unavailable, "lost");
    }

    public override Task<PurgeComponentResponse> PurgeComponent(PurgeComponentRequest request, ServerCallContext context)
    {
        var purged = Running.TryRemove(request.Service, out _);
        return Task.FromResult(new PurgeComponentResponse { Purged = { purged ? [request.Service + "/" + request.Service] : Array.Empty<string>() } });
    }

    public override Task<DataRecord> AcceptData(AcceptDataRequest request, ServerCallContext context) =>
        Task.FromResult(Data[request.Service] = new DataRecord { Service = request.Service, Node = Name, Epoch = request.Epoch, VolumeId = request.VolumeId, State = "current" });

    public override Task<PurgeDataResponse> PurgeData(PurgeDataRequest request, ServerCallContext context) => request.VolumeId.Length > 0
        ? Task.FromResult(new PurgeDataResponse { Bytes = Aside.TryRemove((request.Service, request.VolumeId, request.Epoch), out var copy) ? (ulong)copy.Length : 0 })
        : Purge(request);

    private Task<PurgeDataResponse> Purge(PurgeDataRequest request) =>
        Task.FromResult(new PurgeDataResponse { Bytes = Data.TryRemove(request.Service, out _) ? 5u : 0u });

    public override Task<GetOperationResponse> GetOperation(GetOperationRequest request, ServerCallContext context) => Mute
        ? throw new McpException(FaultCode.Unavailable, "mute")
        : Task.FromResult(_journal.GetValueOrDefault(request.Operation) ?? new GetOperationResponse());

    /// <summary>Somebody follows the events.</summary>
    public bool IsFollowed { get; private set; }

    /// <summary>What happened here; a real registry's table behind the real reading of it.</summary>
    public Mcp.Agent.Registry.EventStore? EventHistory { get; set; }

    /// <summary>How the line was asked for, each time.</summary>
    public ConcurrentQueue<EventsRequest> Lines { get; } = new();

    public override async Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context)
    {
        Lines.Enqueue(request);
        IsFollowed = true;
        if (EventHistory is null)
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
            return;
        }
        await foreach (var happened in EventHistory.WatchAsync(request, context.CancellationToken))
            await responseStream.WriteAsync(happened);
    }

    public override Task<HealthCheckResponse> HealthCheck(HealthCheckRequest request, ServerCallContext context)
    {
        var term = context.GetTerm() ?? 0;
        if (term < Term)
        {
            context.ResponseTrailers.Add(CallMetadata.Term, Term.ToString(System.Globalization.CultureInfo.InvariantCulture));
            throw new McpException(FaultCode.FailedPrecondition, $"this master lives in term {term}, but {Name} has obeyed term {Term}") { Hint = "the fleet's is at 10.0.0.9:9555" };
        }
        Term = term;
        return Task.FromResult(new HealthCheckResponse { Status = "healthy" });
    }

    public override Task<ListDataResponse> ListData(ListDataRequest request, ServerCallContext context) => Task.FromResult(new ListDataResponse { Records = { Data.Values } });

    public override Task<NodeStatusResponse> NodeStatus(NodeStatusRequest request, ServerCallContext context) => Task.FromResult(new NodeStatusResponse
    {
        DiskFreeBytes = DiskFree,
        Name = Name,
        Address = Address,
        RevocationRevision = Revocations.Revision,
        Revoked = { Revocations.Revoked },
    });

    public override Task<ListServicesResponse> ListServices(ListServicesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListServicesResponse { Services = { Running.Values.Select(r => new RegisteredService { Spec = r.Spec }) } });

    private static bool TakeOne(ConcurrentDictionary<string, int> counts, string service) =>
        counts.TryGetValue(service, out var more) && more > 0 && counts.TryUpdate(service, more - 1, more);

    public override Task<LiveCheckResponse> LiveCheck(LiveCheckRequest request, ServerCallContext context)
    {
        Interlocked.Increment(ref _liveChecks);
        return Task.FromResult(new LiveCheckResponse
        {
            Containers =
            {
                Running.Values.Where(r => request.Service.Length == 0 || r.Spec.Name == request.Service).SelectMany(r => r.Spec.Components.Select(c => new ContainerStatus
                {
                    Service = r.Spec.Name,
                    Component = c.Name,
                    State = Stopped.ContainsKey(r.Spec.Name) ? "exited" : "running",
                    Health = TakeOne(Unhealthy, r.Spec.Name) ? "unhealthy" : c.Health is null || TakeOne(Slow, r.Spec.Name) ? "" : "healthy",
                })),
            },
        });
    }

    public OperatorGrant? FindOperator(string name) => null;

    public bool IsRevoked(Principal principal, string? serial) => false;

    public bool IsNodeAllowed(string node) => false;

    public void Record(AuditEntry entry)
    {
    }

    /// <summary>Ends as if killed: open streams are cut.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_server is null)
            return;
        await _server.StopAsync(new CancellationToken(canceled: true));
        await _server.DisposeAsync();
        _server = null;
    }

    /// <summary>Puts into its journal what became of an operation.</summary>
    public void Remember(string operation, string service, string state, AgentDeployResult? result = null) =>
        Journal(operation, service, state, state == "succeeded" ? null : new ErrorDetail { What = "it broke" }, result);

    /// <summary>Does what a deploy asks for, without being called.</summary>
    public AgentDeployResult Do(AgentDeployRequest request)
    {
        Running[request.Spec.Name] = request;
        if (request.Spec.Active)
            Stopped.TryRemove(request.Spec.Name, out _);
        else
            Stopped[request.Spec.Name] = true;
        Data[request.Spec.Name] = new DataRecord { Service = request.Spec.Name, Node = Name, Epoch = request.Epoch, VolumeId = request.VolumeId, State = "current" };
        return new AgentDeployResult
        {
            Generation = request.SeenGeneration + 1,
            SpecHash = SpecHash.OfService(request.Spec),
            Epoch = request.Epoch,
            VolumeId = request.VolumeId,
            Images = { request.Spec.Components.Select(c => new ComponentImage { Component = c.Name, Reference = c.Image, Digest = "sha256:" + new string('a', 64) }) },
            Components = { request.Spec.Components.Select(c => new ComponentOutcome { Component = c.Name, Action = "created", ContainerId = "c1" }) },
            Steps = { new StepResult { Step = "pull", Success = true } },
        };
    }

    private void Journal(string operation, string service, string state, ErrorDetail? error, AgentDeployResult? result) => _journal[operation] = new GetOperationResponse
    {
        Known = true,
        Operation = new Operation { Id = operation, Service = service, State = state, Error = error },
        Deploy = result,
    };
}
