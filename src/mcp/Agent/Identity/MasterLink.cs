using Grpc.Core;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;
using Polly;
using Polly.Retry;

namespace Mcp.Agent.Identity;

/// <summary>
/// The agent's side of the fleet: Register at start, with pauses of 1 s doubling (with jitter) to 60 s for as long as it takes, then a heartbeat
/// every 30 s. Containers do not care whether the master answers. The order of each round: 1 renew the certificate if it is due (an
/// expired one may do only this); 2 Register if the master does not know us, else Heartbeat; 3 take what the answer says (term, people,
/// revocations, roots, superseded services); 4 send on what was done here without the master.
/// </summary>
internal sealed partial class MasterLink : IDisposable
{
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(30);

    private readonly AgentParts _parts;
    private readonly FleetIdentity _identity;
    private readonly IdentityRenewal _renewal;
    private readonly Fencing _fencing;
    private readonly MasterContact _contact;
    private readonly Action _peopleChanged;
    private readonly ILogger _logger;
    private readonly ResiliencePipeline _untilAnswered;
    private readonly TaskCompletionSource _firstAnswer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PeerChannel? _channel;
    private string _address = "";
    private bool _registered;
    private string? _said;

    /// <summary>Composes the link; nothing is called yet.</summary>
    public MasterLink(AgentParts parts, FleetIdentity identity, Fencing fencing, MasterContact contact, Action peopleChanged, ILogger<MasterLink> logger)
    {
        (_parts, _identity, _fencing, _contact, _peopleChanged, _logger) = (parts, identity, fencing, contact, peopleChanged, logger);
        _renewal = new IdentityRenewal(identity, parts.Clock, logger);
        _untilAnswered = new ResiliencePipelineBuilder { TimeProvider = parts.Clock }.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<McpException>(),
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromSeconds(1),
            MaxDelay = TimeSpan.FromSeconds(60),
            OnRetry = OnRetry,
        }).Build();
    }

    /// <summary>Completed at the first answer to Register: then the master has said which services are superseded.</summary>
    public Task FirstAnswer => _firstAnswer.Task;

    /// <summary>Where the agent looks for its master; null: nowhere (it has not been told).</summary>
    public string? Address => _parts.State.MasterAddress ?? _parts.Configuration.MasterAddress;

    /// <summary>Runs until the agent ends.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            while (!ct.IsCancellationRequested)
            {
                await _untilAnswered.ExecuteAsync(async token => await RoundAsync(token), ct);
                await Task.Delay(HeartbeatEvery, _parts.Clock, ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The agent ends.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _channel?.Dispose();

    private async Task RoundAsync(CancellationToken ct)
    {
        var master = Client();
        await _renewal.RenewIfDueAsync(master, ct);
        if (_registered)
        {
            await HeartbeatAsync(master, ct);
            await _fencing.EnforceAsync(ct);
        }
        if (!_registered)
            await RegisterAsync(master, ct);
        _parts.State.Put("master-contact", _parts.Clock.Stamp());
        _contact.Answered();
        await ReportActionsAsync(master, ct);
    }

    private async Task RegisterAsync(McpMasterService.McpMasterServiceClient master, CancellationToken ct)
    {
        var request = new RegisterRequest
        {
            Name = _parts.Node,
            Role = _parts.Configuration.Role,
            Address = _parts.Configuration.Address,
            Arch = NodeFacts.Arch,
            Version = ProgramVersion.Text,
            Term = _parts.State.Term,
        };
        request.Services.AddRange(NodeFacts.Owned(_parts));
        request.Owned = NodeFacts.Digest(request.Services);
        request.Features.AddRange(AgentFeatures.All);
        var answer = await master.RegisterAsync(request, Operation(), cancellationToken: ct);
        RequireTerm(answer.Term);
        TakePeople(answer.Revision, answer.Revoked, answer.Operators);
        _identity.TakeBundle(answer.CaBundle.Span);
        if (answer.Zone.Length > 0 && answer.Zone != _parts.State.Zone)
            _parts.State.Put("zone", answer.Zone);
        foreach (var superseded in answer.Superseded)
            Yield(superseded);
        await _fencing.EnforceAsync(ct);
        _registered = true;
        _said = null;
        _parts.Start.Unconfirmed = false;
        _firstAnswer.TrySetResult();
        Registered(_address);
    }

    private async Task HeartbeatAsync(McpMasterService.McpMasterServiceClient master, CancellationToken ct)
    {
        var services = _parts.Services.All();
        var answer = await master.HeartbeatAsync(new HeartbeatRequest
        {
            Name = _parts.Node,
            CpuMillicores = (ulong)Environment.ProcessorCount * 1000,
            MemoryBytes = NodeFacts.MemoryBytes(),
            DiskBytes = NodeFacts.Disk(_parts.Configuration.DataRoot).Free,
            Containers = (uint)services.Where(s => s.DesiredRunning).Sum(s => s.Components.Count),
            Services = (uint)services.Count,
            RevocationRevision = _parts.State.RevocationRevision,
            Clock = _parts.Clock.Stamp(),
            Owned = NodeFacts.Digest(NodeFacts.Owned(_parts)),
        }, Operation(), cancellationToken: ct);
        RequireTerm(answer.Term);
        if (answer.RevocationRevision != _parts.State.RevocationRevision)
            TakePeople(answer.RevocationRevision, answer.Revoked, answer.Operators);
        _identity.TakeBundle(answer.CaBundle.Span);
        if (answer.RegisterAgain)
            _registered = false;
    }

    // Its data is marked, and the fencing stops its containers; the files stay where they are. A lower or equal epoch changes nothing.
    private void Yield(SupersededService superseded)
    {
        if (!ServiceName.TryParse(superseded.Service, out var service, out _))
            return;
        if (!_parts.Data.Supersede(service.Value, superseded.Node, superseded.Epoch))
            return;
        Superseded(service.Value, superseded.Epoch, superseded.Node);
        _parts.Events.Add(new NodeEvent("superseded", "error", $"the data of {service} is owned by {superseded.Node} in epoch {superseded.Epoch}; the copy here is stopped and stays where it is")
        {
            Service = service.Value,
        });
    }

    private async Task ReportActionsAsync(McpMasterService.McpMasterServiceClient master, CancellationToken ct)
    {
        const int page = 200;
        while (_parts.Events.DirectAfter(_parts.State.ReportedEvents, page) is { Count: > 0 } actions)
        {
            var request = new ReportActionsRequest();
            request.Actions.AddRange(actions);
            var answer = await master.ReportActionsAsync(request, Operation(), cancellationToken: ct);
            if (answer.Last <= (ulong)_parts.State.ReportedEvents)
                return;
            _parts.State.Put("reported-events", answer.Last.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private void TakePeople(ulong revision, IReadOnlyList<string> revoked, IEnumerable<OperatorRole> operators)
    {
        _parts.State.ReplacePeople(revision, revoked, [.. operators.Select(o => new OperatorEntry(o.Name, o.Role, [.. o.Services]))]);
        _peopleChanged();
    }

    private void RequireTerm(ulong term)
    {
        if (!_parts.State.TryAdvanceTerm(term, null))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the master at {_address} lives in term {term}, but this node has obeyed term {_parts.State.Term}: it is an old one and is not obeyed")
            {
                Hint = "stop the old master; the new one's address reaches this node with its first call",
            };
        }
    }

    private Metadata Operation() => new() { { CallMetadata.Operation, OperationId.New(_parts.Clock).Value } };

    private McpMasterService.McpMasterServiceClient Client()
    {
        var address = Address ?? throw new McpException(FaultCode.FailedPrecondition, "this node does not know where its master is") { Hint = "[master] address in mcp-agent.toml" };
        if (_channel is null || address != _address)
        {
            _channel?.Dispose();
            string[] addresses = _parts.Configuration.MasterAddress is { } configured && configured != address ? [address, configured] : [address];
            _channel = PeerChannel.Open(addresses, Principal.TheMaster, _identity.Credentials, _identity.Trust, _identity.Domain, _parts.Clock);
            (_address, _registered) = (address, false);
        }
        return new McpMasterService.McpMasterServiceClient(_channel);
    }

    private ValueTask OnRetry(OnRetryArguments<object> retry)
    {
        var fault = (McpException)retry.Outcome.Exception!;
        var cause = fault.Cause is null ? fault.Message : $"{fault.Message}: {fault.Cause}";
        _contact.Unanswered(cause);
        // "Later", said the master; that is not a failure.
        if (fault.Code == FaultCode.ResourceExhausted)
            Later(fault.Message);
        // Another reason is news, however often it was tried before; the same one is said now and then.
        else if (cause != _said || retry.AttemptNumber is 5 or 20 || retry.AttemptNumber % 60 == 0)
            Unanswered(_address, _said = cause);
        return ValueTask.CompletedTask;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Registered with the master at {Address}")]
    private partial void Registered(string address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The master at {Address} does not answer as it should; containers run on and it is tried again: {Cause}")]
    private partial void Unanswered(string address, string cause);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The master asks for patience: {Cause}")]
    private partial void Later(string cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "The data of {Service} was superseded by epoch {Epoch} on {Node}; its containers here are stopped")]
    private partial void Superseded(string service, ulong epoch, string node);
}
