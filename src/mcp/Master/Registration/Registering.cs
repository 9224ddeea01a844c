using System.Collections.Concurrent;
using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Identity;
using Mcp.Master.Reading;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>The calls of agents about themselves: Register and Heartbeat.</summary>
internal sealed class Registering(
    Database database,
    GroupedWrites writes,
    FleetDirectory directory,
    TrustSource trust,
    NodeHealthBoard board,
    AgentLinks links,
    TermWatch terms,
    RegistrationPolicy policy,
    TimeProvider clock)
{
    private static readonly TimeSpan LiveProbe = TimeSpan.FromSeconds(3);

    // The digest of what each node said at its last Register that it holds.
    private readonly ConcurrentDictionary<string, string> _owned = new(StringComparer.Ordinal);

    // The address that each node's last accepted Register came from.
    private readonly ConcurrentDictionary<string, string> _peers = new(StringComparer.Ordinal);

    /// <summary>Told after an accepted Register, and after a heartbeat of a node that was away.</summary>
    public Action<string>? Appeared { get; set; }

    /// <summary>An agent says that it is there, at which address, and what it holds.</summary>
    /// <exception cref="McpException">A rule of <see cref="RegistrationRules"/>, or a second agent with the same identity.</exception>
    public async Task<RegisterResponse> RegisterAsync(Caller caller, RegisterRequest request, CancellationToken cancellation)
    {
        var name = caller.Principal!.Name;
        var facts = database.Read(connection =>
        {
            // After a restart of the master everybody registers at once: nothing here may grow with the fleet.
            return new RegistrationFacts(
                NodeStore.Find(connection, name) ?? throw new McpException(FaultCode.PermissionDenied, $"node {name} is not on the fleet's list"),
                NodeStore.OwnerOf(connection, RegistrationRules.Normal(request.Address), name),
                NodeStore.RegisteredBeside(connection, name),
                policy.MaxNodes,
                policy.LoopbackAllowed,
                policy.Cidrs);
        });
        string address;
        OwnershipJudgement judged;
        try
        {
            if (terms.Said(name, request.Term))
            {
                throw new McpException(FaultCode.FailedPrecondition, $"node {name} obeys a master of term {request.Term}; this one lives in term {policy.Term()}")
                {
                    Hint = "stop this master if the fleet was restored on another one",
                };
            }
            address = RegistrationRules.Check(request, facts);
            await RefuseCloneAsync(facts.Node, address, caller, cancellation);
            judged = await writes.WriteAsync(connection => Store(connection, caller, request, facts.Node, address));
        }
        catch (McpException e)
        {
            await writes.WriteAsync(connection => Write(connection, name, "register-refused", "warning", e.Message));
            throw;
        }
        _owned[name] = request.Owned;
        board.Registered(name);
        // Whoever held the data until now must hear that it does so no longer; its next heartbeat brings it here.
        foreach (var displaced in judged.Displaced)
            board.MustRegister(displaced);
        _peers[name] = caller.PeerAddress;
        if (facts.Node.Address != address)
            links.Drop(name);
        Appeared?.Invoke(name);
        return Answer(judged.Superseded);
    }

    /// <summary>An agent says that it is still there. Answered when that is durable, together with whoever else calls meanwhile.</summary>
    /// <exception cref="McpException">InvalidArgument: numbers that no node has; PermissionDenied: another node's name.</exception>
    public async Task<HeartbeatResponse> HeartbeatAsync(Caller caller, HeartbeatRequest request)
    {
        var name = caller.Principal!.Name;
        if (request.Name != name)
            throw new McpException(FaultCode.PermissionDenied, $"agent/{name} may not send heartbeats of {Printable.Line(request.Name, 80)}");
        RegistrationRules.Check(request);
        // Measured before anything waits; what the wire took is lost in the seconds that matter here.
        var skew = Timestamp.Read(request.Clock) - clock.GetUtcNow();
        if (request.Owned.Length > 0 && _owned.TryGetValue(name, out var owned) && owned != request.Owned)
            board.MustRegister(name);
        // Heard is heard, whatever the disk says about it: a full one must not make healthy nodes look dead.
        var wasAway = board.Heard(name, skew);
        var at = Timestamp.Now(clock);
        await writes.WriteAsync(connection => NodeStore.Heartbeat(
            connection, name, at, request.CpuMillicores, request.MemoryBytes, request.DiskBytes, request.Containers, request.Services));
        if (wasAway)
            Appeared?.Invoke(name);
        var answer = new HeartbeatResponse
        {
            Acknowledged = true,
            // Until it has registered: after this master's start, after an absence, and whenever it holds something else than it said.
            RegisterAgain = !board.Of(name).Registered,
            RevocationRevision = directory.Revision,
            Term = policy.Term(),
        };
        if (request.RevocationRevision != directory.Revision)
        {
            answer.CaBundle = ByteString.CopyFrom(trust.Current.ToPem());
            answer.Revoked.AddRange(directory.Revoked);
            answer.Operators.AddRange(directory.Operators);
        }
        return answer;
    }

    private RegisterResponse Answer(List<SupersededService> superseded)
    {
        var answer = new RegisterResponse
        {
            Accepted = true,
            Revision = directory.Revision,
            Term = policy.Term(),
            CaBundle = ByteString.CopyFrom(trust.Current.ToPem()),
            Zone = policy.Zone,
        };
        answer.Superseded.AddRange(superseded);
        answer.Revoked.AddRange(directory.Revoked);
        answer.Operators.AddRange(directory.Operators);
        return answer;
    }

    private OwnershipJudgement Store(Microsoft.Data.Sqlite.SqliteConnection connection, Caller caller, RegisterRequest request, NodeRow node, string address)
    {
        var at = Timestamp.Now(clock);
        // Judged again in the transaction that takes the place: two that come at once do not share the last one.
        RegistrationRules.RequirePlace(NodeStore.RegisteredBeside(connection, node.Name), policy.MaxNodes);
        if (address != node.Address)
            RegistrationRules.RequireFree(node.Name, address, NodeStore.OwnerOf(connection, address, node.Name));
        NodeStore.Told(
            connection, node.Name, address, Printable.Line(request.Arch, 32), Printable.Line(request.Version, 64),
            request.Features.Take(100).Select(f => Printable.Line(f, 64)));
        NodeStore.Registered(connection, node.Name, caller.KeySha256 ?? "", at);
        if (node.Address.Length > 0 && node.Address != address)
            Write(connection, node.Name, "address-changed", "warning", $"node {node.Name} registered from {address}; before it was {node.Address}");
        if (request.Role.Length > 0 && request.Role != node.Role)
            Write(connection, node.Name, "role-ignored", "warning", $"node {node.Name} says that its role is {request.Role}; the fleet has it as {node.Role}, and that counts");
        ReportedServiceStore.Replace(connection, node.Name, request.Services
            .Where(s => Names.ServiceName.TryParse(s.Name, out _, out _) && s.Epoch <= long.MaxValue && s.Generation <= long.MaxValue)
            .DistinctBy(s => s.Name)
            .Select(s => new ReportedService(node.Name, s.Name, s.Epoch, Printable.Line(s.VolumeId, 64), s.Generation, s.Running)));
        return Ownership.Judge(connection, node.Name, request.Services, at);
    }

    /// <summary>
    /// A node that moved no longer answers at its old address; a copied one does. The question goes to the old address as
    /// <c>agent/name</c>, and an agent that calls the new address its own, too, is the same machine with two addresses.
    /// </summary>
    private async Task RefuseCloneAsync(NodeRow node, string address, Caller caller, CancellationToken cancellation)
    {
        if (node.Address.Length == 0 || node.JoinedAt is null)
            return;
        if (node.Address == address)
        {
            // A copied disk comes with the same address in its file, but from another machine.
            if (!board.IsLive(node.Name) || _peers.GetValueOrDefault(node.Name, caller.PeerAddress) == caller.PeerAddress)
                return;
            throw Clone(node, $"peer {caller.PeerAddress}", caller);
        }
        var (client, channel) = links.Once(node.Name, node.Address);
        using var _ = channel;
        try
        {
            var there = await client.NodeStatusAsync(new NodeStatusRequest(), links.Options(LiveProbe, cancellation));
            if (there.Address == address)
                return;
        }
        catch (McpException e) when (e.Code is not FaultCode.Unimplemented)
        {
            return;
        }
        throw Clone(node, address, caller);
    }

    private McpException Clone(NodeRow node, string from, Caller caller)
    {
        database.Write(connection => FindingStore.Open(connection, new Finding
        {
            Kind = "cloned identity",
            Severity = "error",
            Node = node.Name,
            Message = $"a second agent came as {node.Name}, from {from} (peer {caller.Peer}), while the one at {node.Address} is live: the node or its key was copied",
            Command = $"stop one of them; if the key was stolen: mcp node remove {node.Name} --lost; mcp node add {node.Name} --role {node.Role}",
            Since = Timestamp.Now(clock),
        }));
        return new McpException(FaultCode.AlreadyExists, $"node {node.Name} is live at {node.Address}; a second agent of that name from {from} is refused")
        {
            Hint = $"stop one of the two; a node that has really moved is accepted once the old agent is stopped and has been silent for {NodeHealthBoard.Silence.TotalSeconds:0} s",
        };
    }

    private void Write(Microsoft.Data.Sqlite.SqliteConnection connection, string node, string kind, string severity, string message) =>
        EventStore.Add(connection, new FleetEvent { At = Timestamp.Now(clock), Node = node, Kind = kind, Severity = severity, Message = message });
}

/// <summary>What the configuration says about registration.</summary>
/// <param name="MaxNodes">The fleet's limit.</param>
/// <param name="LoopbackAllowed">The master itself is bound to loopback.</param>
/// <param name="Cidrs">Where nodes may be; empty: anywhere.</param>
/// <param name="Zone">Where internal names lie.</param>
/// <param name="Term">The master's life.</param>
internal sealed record RegistrationPolicy(int MaxNodes, bool LoopbackAllowed, IReadOnlyList<string> Cidrs, string Zone, Func<ulong> Term);
