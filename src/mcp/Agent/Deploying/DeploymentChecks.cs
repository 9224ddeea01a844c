using System.Security.Cryptography;
using System.Text;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>What the checks found out, for the steps that act.</summary>
internal sealed record CheckedDeploy
{
    /// <summary>What runs here now, or null.</summary>
    public required RegisteredServiceRow? Current { get; init; }

    public required string SpecHash { get; init; }

    public required PortAssignment Ports { get; init; }

    public required DataDecision Data { get; init; }

    /// <summary>Variables of env files by component; secrets.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<KeyValuePair<string, string>>> Environment { get; init; }

    /// <summary>Today's container of each component of the registry, where podman still has it.</summary>
    public required IReadOnlyDictionary<string, ContainerDetail> Containers { get; init; }
}

/// <summary>
/// Everything that can be checked without acting, before the first step of a deploy: the master has checked most of it, and the agent
/// checks again, because what it guards is here.
/// </summary>
internal sealed class DeploymentChecks(AgentParts parts, HostPorts allocator, NodePolicy policy)
{
    /// <summary>Checks <paramref name="order"/>, or throws the first kind of refusal with all its problems.</summary>
    public async Task<CheckedDeploy> CheckAsync(DeployOrder order, CancellationToken ct)
    {
        var spec = order.Spec;
        SpecRules.Require(spec);
        var hash = SpecHash.OfService(spec);
        RequireUnderstood(order, hash);
        RequirePolicy(spec);
        var current = parts.Services.Find(spec.Name);
        // A migration moves the data: whatever was deployed now would be left behind, or start on what is being copied.
        if (current is { HeldBy.Length: > 0 })
            throw Lifecycle.ServiceLifecycle.Held(current);
        RequireSeen(order, current, hash);
        RequireOnlyComponent(order, current);
        RequireDistinctNames(spec);
        var environment = spec.Components.ToDictionary(
            c => c.Name, c => EnvFiles.Read(parts.Configuration.DataRoot, spec, c), StringComparer.Ordinal);
        var data = DecideData(order, current);
        var taken = parts.Routes.All();
        var ports = allocator.Assign(spec, parts.Routes.Of(spec.Name), taken);
        RequireDistinctPorts(spec, ports, taken);
        var containers = await ContainersOfAsync(current, ct);
        await RequireNamesFreeAsync(spec, current, ct);
        RequirePortsFree(spec, ports, containers.Values);
        return new CheckedDeploy { Current = current, SpecHash = hash, Ports = ports, Data = data, Environment = environment, Containers = containers };
    }

    /// <summary>What can be checked of a service that is to come here, before its data does.</summary>
    /// <returns>The hash of the spec as this node reads it.</returns>
    /// <exception cref="McpException">What a deploy would be refused for.</exception>
    public async Task<string> CheckBeforeDataAsync(DeployOrder order, CancellationToken ct)
    {
        var spec = order.Spec;
        var hash = SpecHash.OfService(spec);
        RequireAllowed(spec);
        RequireUnderstood(order, hash);
        if (parts.Services.Find(spec.Name) is { } here)
        {
            throw new McpException(FaultCode.AlreadyExists, $"{spec.Name} is deployed on {parts.Node} already (generation {here.Generation})")
            {
                Hint = $"mcp undeploy {spec.Name} --direct -n {parts.Node}   (its data there stays)",
            };
        }
        var taken = parts.Routes.All();
        var ports = allocator.Assign(spec, parts.Routes.Of(spec.Name), taken);
        RequireDistinctPorts(spec, ports, taken);
        await RequireNamesFreeAsync(spec, null, ct);
        RequirePortsFree(spec, ports, []);
        return hash;
    }

    /// <summary>What concerns a spec alone on this node: its rules, the node's policy, and names that another service has.</summary>
    public void RequireAllowed(ServiceSpec spec)
    {
        SpecRules.Require(spec);
        RequirePolicy(spec);
        RequireDistinctNames(spec);
    }

    /// <summary>
    /// One digest over everything that a container is made of: its part of the spec, the image itself and what its env files say
    /// (under the node's key: the digest of a short secret could be guessed).
    /// </summary>
    public string MadeOf(string componentHash, string imageId, IReadOnlyList<KeyValuePair<string, string>> environment)
    {
        var secret = environment.Count == 0 ? "" : Convert.ToHexStringLower(HMACSHA256.HashData(
            parts.Key.Bytes, Encoding.UTF8.GetBytes(string.Join('\n', environment.Select(v => $"{v.Key}={v.Value}")))));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{componentHash}\n{imageId}\n{secret}")));
    }

    // A field that an older agent does not know would silently never take effect.
    private void RequireUnderstood(DeployOrder order, string hash)
    {
        if (order.ClaimedHash.Length == 0 || order.ClaimedHash == hash)
            return;
        throw new McpException(FaultCode.FailedPrecondition, $"{parts.Node} does not understand the whole definition of {order.Service}; nothing was changed")
        {
            Cause = $"mcp {ProgramVersion.Text} on {parts.Node} reads it as {hash[..12]}, the caller as {Printable.Line(order.ClaimedHash, 12)}; unknown here: "
                + (UnknownFields.In(order.Spec) is { Count: > 0 } fields ? Printable.Line(string.Join(", ", fields)) : "no field, so the two compute the hash differently"),
            Hint = $"bring both sides to the same version: replace the file mcp on {parts.Node} and restart its agent",
        };
    }

    /// <summary>What the node's policy allows, whatever the master says.</summary>
    public void RequirePolicy(ServiceSpec spec)
    {
        var problems = NodePolicyRules.Check(spec, policy);
        if (problems.Count > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the policy of {parts.Node} does not allow {spec.Name}")
            {
                Problems = problems,
                Hint = "change the definition, or allow it in [policy] of mcp-agent.toml on the node and restart the agent",
            };
        }
    }

    private void RequireSeen(DeployOrder order, RegisteredServiceRow? current, string hash)
    {
        if (current is null || order.Overwrite || order.SeenGeneration == current.Generation || current.SpecHash == hash)
            return;
        throw new McpException(FaultCode.Aborted, $"{order.Service} was changed since you last looked: {parts.Node} runs generation {current.Generation}, you saw {order.SeenGeneration}")
        {
            Cause = $"deployed by {current.Principal} at {current.DeployedAt}",
            Problems = [.. SpecDifference.Between(current.Spec, order.Spec).Select(c => new TextProblem("", 0, 0, c.Path, $"{c.Old} -> {c.New}"))],
            Hint = $"mcp service show {order.Service} --direct -n {parts.Node}; then deploy over it with --overwrite",
        };
    }

    private static void RequireOnlyComponent(DeployOrder order, RegisteredServiceRow? current)
    {
        if (order.Component.Length == 0)
            return;
        if (order.Spec.Components.All(c => c.Name != order.Component))
            throw new McpException(FaultCode.NotFound, $"{order.Service} has no component {Printable.Line(order.Component, 80)}");
        var others = order.Spec.Components.Where(c => c.Name != order.Component)
            .Where(c => current?.Components.FirstOrDefault(r => r.Name == c.Name)?.SpecHash != SpecHash.OfComponent(order.Spec, c)).Select(c => c.Name)
            .Concat((current?.Components ?? []).Select(r => r.Name).Where(n => order.Spec.Components.All(c => c.Name != n))).ToList();
        if (others.Count > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{order.Component} alone cannot be deployed: {string.Join(", ", others)} of {order.Service} differ, too")
            {
                Hint = $"mcp deploy {order.Service}",
            };
        }
    }

    // "a-b" with component c and "a" with component b-c make the same container name; the second one is refused.
    private void RequireDistinctNames(ServiceSpec spec)
    {
        foreach (var other in parts.Services.All().Where(s => s.Name != spec.Name))
        {
            if (ContainerName.Collision(spec, other.Spec) is { } name)
            {
                throw new McpException(FaultCode.AlreadyExists, $"{spec.Name} and {other.Name} would both have a container called {name}")
                {
                    Hint = $"rename a component of {spec.Name} or of {other.Name}",
                };
            }
        }
    }

    private DataDecision DecideData(DeployOrder order, RegisteredServiceRow? current)
    {
        if (order.Fresh && current is not null && parts.Data.Find(order.Service) is { } row && row.VolumeId != order.VolumeId)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{order.Service} is deployed on {parts.Node}; a fresh start would take its data away under it")
            {
                Hint = $"mcp undeploy {order.Service}, then mcp deploy {order.Service} --fresh (the data goes aside and is kept)",
            };
        }
        return DataGate.Decide(
            order.Service, parts.Data.Find(order.Service), parts.Folders.Observe(order.Service), order.Epoch, order.VolumeId, order.Fresh && current is null,
            () => Guid.NewGuid().ToString("D"));
    }

    private void RequireDistinctPorts(ServiceSpec spec, PortAssignment ports, IReadOnlyDictionary<int, string> taken)
    {
        var others = parts.Services.All().Where(s => s.Name != spec.Name)
            .SelectMany(s => s.Spec.Components.SelectMany(c => c.Ports).Select(text => (s.Name, Text: text)))
            .Select(p => (p.Name, Mapping: PortMapping.TryParse(p.Text, out var mapping, out _) ? mapping : null)).Where(p => p.Mapping is not null).ToList();
        foreach (var mapping in spec.Components.SelectMany(c => HostPorts.Published(c, ports)))
        {
            var owner = taken.TryGetValue(mapping.HostPort, out var routeOwner) && routeOwner != spec.Name && mapping.Protocol == "tcp"
                ? routeOwner
                : others.FirstOrDefault(o => o.Mapping!.HostPort == mapping.HostPort && o.Mapping.Protocol == mapping.Protocol && Overlap(o.Mapping.Address, mapping.Address)).Name;
            if (owner is not null)
            {
                throw new McpException(FaultCode.AlreadyExists, $"port {mapping.HostPort} of {spec.Name} belongs to {owner} on {parts.Node}")
                {
                    Hint = $"choose another host port in ports of {spec.Name}, or undeploy {owner}",
                };
            }
        }
    }

    private async Task<IReadOnlyDictionary<string, ContainerDetail>> ContainersOfAsync(RegisteredServiceRow? current, CancellationToken ct)
    {
        var found = new Dictionary<string, ContainerDetail>(StringComparer.Ordinal);
        foreach (var row in current?.Components ?? [])
        {
            if (await parts.Containers.FindAsync(row.ContainerId, row.Service, row.Name, ct) is { } container)
                found.Add(row.Name, container);
        }
        return found;
    }

    private async Task RequireNamesFreeAsync(ServiceSpec spec, RegisteredServiceRow? current, CancellationToken ct)
    {
        var registered = (current?.Components ?? []).Select(c => c.ContainerId).ToHashSet(StringComparer.Ordinal);
        foreach (var name in spec.Components.Select(c => ContainerName.Of(spec.Name, c.Name)))
        {
            if (await parts.Podman.InspectContainerAsync(name, ct) is { } other && other.Name == name && !registered.Contains(other.Id) && !IsLeftover(other, spec.Name))
            {
                // Labels alone give nobody the right to remove it; but they tell what has probably happened.
                var ours = other.Labels.GetValueOrDefault(OwnLabels.Service) == spec.Name && other.Labels.GetValueOrDefault(OwnLabels.Node) == parts.Node;
                throw new McpException(FaultCode.AlreadyExists, $"a container called {name} exists on {parts.Node} and is not in the agent's registry; it was not touched")
                {
                    Cause = $"id {other.Id[..12]}, image {Printable.Line(other.Image, 200)}"
                        + (ours ? "; its labels say that it is this service's: the registry is older than it (a restored mcp.db?)" : ""),
                    Hint = ours
                        ? $"on {parts.Node}: podman rm -f {name} (the service's data stays); then mcp deploy {spec.Name}"
                        : $"on {parts.Node}: podman inspect {name}; then podman rename {name} {name}-before, or remove it by hand",
                };
            }
        }
    }

    /// <summary>Whether a container was made by an operation of ours on this service that is over: a rest that may be removed.</summary>
    public bool IsLeftover(ContainerDetail container, string service) =>
        IsLeftover(container.Labels, service);

    /// <summary>As above, for a container of a list.</summary>
    public bool IsLeftover(IReadOnlyDictionary<string, string> labels, string service) =>
        labels.GetValueOrDefault(OwnLabels.Service) == service && labels.GetValueOrDefault(OwnLabels.Node) == parts.Node &&
        Names.OperationId.TryParse(labels.GetValueOrDefault(OwnLabels.Operation), out var id, out _) &&
        parts.Operations.Find(id) is { IsOver: true } row && row.Service == service;

    // What our own containers publish now is free again by the time the new ones start.
    private void RequirePortsFree(ServiceSpec spec, PortAssignment ports, IEnumerable<ContainerDetail> containers)
    {
        var own = containers.Where(OwnedContainers.IsRunning).SelectMany(c => c.Ports).Select(p => (p.HostPort, p.Protocol)).ToHashSet();
        foreach (var mapping in spec.Components.SelectMany(c => HostPorts.Published(c, ports)).Distinct())
        {
            if (own.Contains((mapping.HostPort, mapping.Protocol)) || HostPorts.IsFree(mapping.Address, mapping.HostPort, mapping.Protocol == "udp"))
                continue;
            throw new McpException(FaultCode.FailedPrecondition, $"port {mapping.HostPort} on {mapping.Address}, which {spec.Name} needs, is in use on {parts.Node}")
            {
                Cause = "another process listens there; what ran before still runs",
                Hint = $"find it: ss -lntup 'sport = :{mapping.HostPort}'",
            };
        }
    }

    private static bool Overlap(string one, string other) => one == other || IsAny(one) || IsAny(other);

    private static bool IsAny(string address) => address is "0.0.0.0" or "::";
}
