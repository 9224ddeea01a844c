using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Master;
using Mcp.Master.Identity;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Master;

/// <summary>The identity parts of a master on a clock of the test's.</summary>
internal sealed class IdentityBench : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public IdentityBench()
    {
        Authority = FleetAuthority.Create(_folder["ca"], "fleet.example", "svc.fleet.example", [], Clock);
        Database = MasterDatabase.Open(_folder["master.db"], Clock);
        Database.Write(c => FleetStore.Create(c, new FleetRow("home", "fleet.example", "svc.fleet.example", "10.0.0.1:9555", Authority.RootSha256, 1, 1), Timestamp.Now(Clock)));
        var terms = new FleetTerms("home", "fleet.example", "svc.fleet.example", [], []);
        Invitations = new Invitations(Database, Authority.RootSha256, Clock);
        Joining = new Joining(Database, Authority, terms, Clock);
        Renewal = new Renewal(Database, Authority, terms, Clock);
        Directory = new FleetDirectory(Database, [], Clock);
        Seen = new SeenKeys(Database, Directory, Clock);
        Nodes = new NodeAdministration(Database, Invitations, Clock);
        Operators = new OperatorAdministration(Database, Invitations, Clock);
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero));

    public FleetAuthority Authority { get; }

    public Database Database { get; }

    public Invitations Invitations { get; }

    public Joining Joining { get; }

    public Renewal Renewal { get; }

    public FleetDirectory Directory { get; }

    public SeenKeys Seen { get; }

    public NodeAdministration Nodes { get; }

    public OperatorAdministration Operators { get; }

    public Invitation InviteOperator(string name, string role = "admin") => Operators.Add(new OperatorAddRequest { Name = name, Role = role }, "human/root");

    public JoinResponse Join(JoinToken token, IdentityKey key) =>
        Joining.Join(new JoinRequest { Token = token.Reveal(), CsrDer = ByteString.CopyFrom(key.CreateRequest()) });

    public RenewIdentityResponse Renew(Caller caller, IdentityKey key) => Renewal.Renew(caller, new RenewIdentityRequest { CsrDer = ByteString.CopyFrom(key.CreateRequest()) });

    /// <summary>Whoever calls with this chain and key.</summary>
    public Caller Caller(string principal, IdentityKey key, ReadOnlySpan<byte> chain)
    {
        _ = Principal.TryParse(principal, out var who);
        var credential = Credential.From(key, chain, "test");
        return new Caller(who, credential.NotAfter < Clock.GetUtcNow() ? CallerState.Expired : CallerState.Valid, "10.0.0.7:1", credential.Serial, key.KeySha256)
        {
            NotAfter = credential.NotAfter,
        };
    }

    public void Dispose()
    {
        Database.Dispose();
        Authority.Dispose();
        _folder.Dispose();
    }
}
