using Mcp.Definitions;
using Mcp.Names;
using Mcp.Placement;
using Mcp.Planning;
using Mcp.V1;

namespace Mcp.Tests.Planning;

/// <summary>A fleet on paper: two workers, what is deployed on them, and what is wished.</summary>
internal sealed class PlanBench
{
    public const string Zone = "svc.fleet.example";

    public List<ServiceSpec> Desired { get; } = [];

    public List<DeployedService> Deployed { get; } = [];

    public Dictionary<string, DataPlace> Data { get; } = [];

    public Dictionary<string, ulong>? Seen { get; set; }

    public List<string> Only { get; } = [];

    public FleetSnapshot Fleet { get; set; } = new(
        [Node("hub", "master"), Node("orion"), Node("vega")], ScheduleOnMaster.Fallback);

    public static NodeView Node(string name, string role = "worker", NodeHealth health = NodeHealth.Healthy, bool cordoned = false, int containers = 0) =>
        new(NodeName.Parse(name), role, health, cordoned, containers, containers);

    public static ServiceSpec Spec(string name, Action<ServiceSpec>? change = null)
    {
        var spec = new ServiceSpec { Name = name, Active = true, Components = { new ComponentSpec { Name = name, Image = "registry.example.net/app:v1" } } };
        change?.Invoke(spec);
        return SpecBuilder.Complete(spec);
    }

    public static ServiceSpec Routed(string name, string hostname, uint port = 8443) =>
        Spec(name, s => s.Components[0].Routes.Add(new RouteSpec { Name = "web", Port = port, Mode = "l7", Hostname = hostname, ContainerPort = 80 }));

    /// <summary>What a fleet has after this spec was deployed.</summary>
    public static DeployedService Running(ServiceSpec spec, string node = "orion", ulong generation = 1) => new()
    {
        Name = spec.Name,
        Node = node,
        Spec = spec,
        SpecHash = SpecHash.OfService(spec),
        Generation = generation,
        Epoch = 1,
        Principal = "human/alice",
        At = "2026-04-01T00:00:00Z",
        State = ServiceState.Running,
        AnythingRuns = true,
        NodeGeneration = generation,
    };

    public static DeployedService Stopped(ServiceSpec spec, string node = "orion") =>
        Running(spec, node) with { State = ServiceState.Stopped, AnythingRuns = false, Detail = $"{spec.Name} is exited (exit code 1)" };

    public static DeployedService Silent(ServiceSpec spec, string node = "orion") =>
        Running(spec, node) with { State = ServiceState.Unknown, AnythingRuns = false, NodeGeneration = 0, Detail = $"{node} cannot be asked: it does not answer" };

    /// <summary>Both wished and deployed.</summary>
    public PlanBench Both(ServiceSpec spec, string node = "orion")
    {
        Desired.Add(spec);
        Deployed.Add(Running(spec, node));
        return this;
    }

    public Plan Plan() => Planner.Make(Facts());

    public FleetFacts Facts() => new()
    {
        Desired = Desired,
        Only = Only,
        Deployed = Deployed,
        Data = Data,
        Fleet = Fleet,
        Claims = [.. Deployed.SelectMany(d => NameClaim.Of(d.Spec, Zone)).Where(c => c.Route.Length > 0)],
        Zone = Zone,
        AllowedDomains = ["example.org"],
        Seen = Seen,
    };

    public PlanEntry Entry(string service) => Plan().Entries.Single(e => e.Service == service);
}
