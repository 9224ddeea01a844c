using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Definitions;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Names;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Simulation;

/// <summary>
/// A fleet of many nodes and services made before its master starts, with the master's own code on the master's own files: the real authority
/// signs every identity, the real Join redeems every token. Only the deploys are missing: their rows are written as a deploy would leave them,
/// since ten thousand real ones would be the longest part of every measurement.
/// </summary>
internal sealed class SeededFleet
{
    private readonly Dictionary<string, CredentialSource> _agents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<ServiceSpec>> _services = new(StringComparer.Ordinal);

    private SeededFleet(MasterConfiguration configuration, TrustSource trust, CredentialSource admin) =>
        (Configuration, Trust, Admin) = (configuration, trust, admin);

    /// <summary>The fleet's domain.</summary>
    public const string Domain = "scale.example";

    /// <summary>The master's configuration, as its file says it.</summary>
    public MasterConfiguration Configuration { get; }

    /// <summary>The fleet's root.</summary>
    public TrustSource Trust { get; }

    /// <summary>The first operator's identity.</summary>
    public CredentialSource Admin { get; }

    /// <summary>The simulated nodes, in order.</summary>
    public IReadOnlyCollection<string> Nodes => _agents.Keys;

    /// <summary>The node's identity.</summary>
    public CredentialSource CredentialsOf(string node) => _agents[node];

    /// <summary>What is placed on the node.</summary>
    public IReadOnlyList<ServiceSpec> ServicesOf(string node) => _services[node];

    /// <summary>The name of the n-th node.</summary>
    public static string NodeName(int index) => $"sim{index:0000}";

    /// <summary>Creates the files of a fleet in <paramref name="home"/>.</summary>
    /// <param name="home">The master's folder, which does not exist yet.</param>
    /// <param name="masterAddress">host:port on loopback.</param>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="services">How many services, spread evenly.</param>
    /// <param name="agentPort">At which every simulated agent is dialled, each at an address of its own in 127.0.0.0/8.</param>
    public static SeededFleet Create(string home, string masterAddress, int nodes, int services, int agentPort)
    {
        var clock = TimeProvider.System;
        var configuration = MasterConfiguration.At(home, "scale", Domain, masterAddress) with { Listen = [masterAddress], Socket = "", MaxNodes = nodes + 16 };
        Invitation invitation = null!;
        MasterInit.Run(configuration, "alice", clock, created => invitation = created.Invitation);
        using var authority = FleetAuthority.Open(configuration.CaFolder, Domain, clock);
        using var database = MasterDatabase.Open(configuration.Database, clock);
        var joining = new Joining(database, authority, new FleetTerms(configuration.FleetName, Domain, configuration.Zone, [], []), clock);
        var administration = new NodeAdministration(database, new Invitations(database, authority.RootSha256, clock), clock);

        var fleet = new SeededFleet(configuration, new TrustSource(authority.Bundle), Join(joining, invitation, ""));
        for (var i = 0; i < nodes; i++)
        {
            var name = NodeName(i);
            var token = administration.Add(new NodeAddRequest { Name = name, Role = "worker" }, "human/alice");
            fleet._agents.Add(name, Join(joining, token, $"127.{1 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}:{agentPort}"));
            fleet._services.Add(name, []);
        }
        if (nodes > 0)
            database.Write(connection => fleet.Place(connection, services, Timestamp.Now(clock)));
        return fleet;
    }

    /// <summary>A service of one component with a name of its own to be found under.</summary>
    public static ServiceSpec Spec(string name) => SpecBuilder.Complete(new ServiceSpec
    {
        Name = name,
        Active = true,
        Tier = "worker",
        Components =
        {
            new ComponentSpec
            {
                Name = name,
                Image = "registry.example.net/app:v1",
                Restart = "unless-stopped",
                Env = { "LOG=info" },
                Volumes = { $"/srv/{name}:/srv/{name}" },
            },
        },
    });

    /// <summary>The data that the node holds of a service.</summary>
    public static string VolumeOf(string service) => $"volume-of-{service}";

    private static CredentialSource Join(Joining joining, Invitation invitation, string address)
    {
        var key = IdentityKey.Create();
        var answer = joining.Join(new JoinRequest
        {
            Token = invitation.Token.Reveal(),
            CsrDer = ByteString.CopyFrom(key.CreateRequest()),
            Address = address,
            Arch = "x64",
            Version = ProgramVersion.Text,
        });
        return new CredentialSource(Credential.From(key, answer.ChainPem.Span, "a simulated agent's identity"));
    }

    private void Place(Microsoft.Data.Sqlite.SqliteConnection connection, int services, string at)
    {
        var names = _agents.Keys.ToList();
        for (var i = 0; i < services; i++)
        {
            var spec = Spec($"app{i:00000}");
            var node = names[i % names.Count];
            _services[node].Add(spec);
            var record = new GenerationRecord { Generation = 1, Spec = spec, Node = node, At = at, Principal = "human/alice" };
            record.Images.Add(new ComponentImage { Component = spec.Name, Reference = spec.Components[0].Image, Digest = SimulatedImage.Digest });
            GenerationStore.Add(connection, spec.Name, record);
            DataRecordStore.Put(connection, new DataRecord
            {
                Service = spec.Name,
                Node = node,
                VolumeId = VolumeOf(spec.Name),
                Epoch = 1,
                State = "current",
                Spec = spec,
                Updated = at,
            });
            PlacementStore.Put(
                connection,
                new PlacementRow
                {
                    Service = spec.Name,
                    Node = node,
                    Pending = false,
                    Spec = spec,
                    SpecHash = SpecHash.OfService(spec),
                    Images = record.Images,
                    Ports = [],
                    Generation = 1,
                    Epoch = 1,
                    VolumeId = VolumeOf(spec.Name),
                    Principal = "human/alice",
                    At = at,
                    Operation = OperationId.New(TimeProvider.System).Value,
                },
                new Dictionary<string, string> { [spec.Name] = SpecHash.OfComponent(spec, spec.Components[0]) });
        }
    }
}
