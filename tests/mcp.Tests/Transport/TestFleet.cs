using System.Collections.Concurrent;
using Mcp.Certificates;
using Mcp.Names;
using Mcp.Tests.Certificates;
using Mcp.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Transport;

/// <summary>A fleet's authority in memory of a test: issues credentials to anybody, also such that have expired.</summary>
internal sealed class TestFleet : IDisposable
{
    public const string Domain = "fleet.example";

    private readonly TemporaryFolder _folder = new();
    private readonly TestClock _clock = new() { Offset = TimeSpan.FromDays(-400) };
    private readonly FleetAuthority _authority;

    public TestFleet()
    {
        _authority = FleetAuthority.Create(_folder["ca"], Domain, $"svc.{Domain}", [], _clock);
        Trust = new(_authority.Bundle);
    }

    public FleetAuthority Authority => _authority;

    public TrustSource Trust { get; }

    /// <summary>A credential for <c>kind/name</c> that was issued <paramref name="daysAgo"/>.</summary>
    public CredentialSource Issue(string principal, double daysAgo = 0)
    {
        var who = Who(principal);
        lock (_clock)
        {
            _clock.Offset = TimeSpan.FromDays(-daysAgo);
            using var key = IdentityKey.Create();
            var lifetime = who.Kind == PrincipalKind.Human ? Lifetimes.Human : Lifetimes.Machine;
            return new(Credential.From(key, _authority.IssueIdentity(who, key.CreateRequest(), lifetime).ChainPem, "test"));
        }
    }

    public PeerChannel Call(RoleServer server, string expected, CredentialSource? own, TimeProvider? clock = null)
    {
        return PeerChannel.Open([$"127.0.0.1:{server.Endpoints[0].Port}"], Who(expected), own, Trust, Domain, clock ?? TimeProvider.System);
    }

    public static Principal Who(string text) => Principal.TryParse(text, out var who) ? who : throw new ArgumentException(text);

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }
}

/// <summary>Who is known, as a test wants it.</summary>
internal sealed class TestDirectory : IAccessDirectory
{
    public ConcurrentDictionary<string, OperatorGrant> Operators { get; } = new(new[]
    {
        new OperatorGrant("admin", HumanRole.Admin, []),
        new OperatorGrant("deploy", HumanRole.Deploy, []),
        new OperatorGrant("scoped", HumanRole.Deploy, ["notes", "wiki"]),
        new OperatorGrant("elsewhere", HumanRole.Deploy, ["wiki"]),
        new OperatorGrant("read", HumanRole.Read, []),
        new OperatorGrant("late", HumanRole.Admin, []),
        new OperatorGrant("toolate", HumanRole.Admin, []),
        new OperatorGrant("gone", HumanRole.Admin, []),
    }.ToDictionary(o => o.Name));

    public ConcurrentDictionary<string, bool> Revoked { get; } = new(new Dictionary<string, bool> { ["human/gone"] = true, ["agent/gone"] = true });

    public ConcurrentDictionary<string, bool> Nodes { get; } = new(new[] { "orion", "vega", "late", "gone" }.ToDictionary(n => n, _ => true));

    public bool IsJoinOpen { get; set; } = true;

    public OperatorGrant? FindOperator(string name) => Operators.GetValueOrDefault(name);

    public bool IsRevoked(Principal principal, string? serial) => Revoked.ContainsKey(principal.ToString()) || (serial is not null && Revoked.ContainsKey(serial));

    public bool IsNodeAllowed(string node) => Nodes.ContainsKey(node);
}

/// <summary>Remembers the rows.</summary>
internal sealed class TestAudit : IAuditSink
{
    public ConcurrentQueue<AuditEntry> Rows { get; } = new();

    public void Record(AuditEntry entry) => Rows.Enqueue(entry);
}

/// <summary>Starts servers for tests.</summary>
internal static class TestServer
{
    public static RoleServerOptions Options(
        TestFleet? fleet, string identity, AuthorizationTable table, Action<Microsoft.AspNetCore.Routing.IEndpointRouteBuilder> map,
        TestDirectory? directory = null, TestAudit? audit = null, string? socket = null, CredentialSource? credentials = null,
        int failuresPerMinute = 1_000_000, TimeProvider? clock = null, IReadOnlyList<string>? addresses = null, bool startWithoutTcp = false, Action<IServiceCollection>? services = null) => new()
        {
            Role = identity.StartsWith("master", StringComparison.Ordinal) ? "master" : "agent",
            Domain = TestFleet.Domain,
            Addresses = addresses ?? (fleet is null ? [] : ["127.0.0.1:0"]),
            SocketPath = socket,
            Credentials = credentials ?? fleet?.Issue(identity),
            Trust = fleet?.Trust,
            Table = table,
            Access = directory ?? new TestDirectory(),
            Audit = audit ?? new TestAudit(),
            Clock = clock ?? TimeProvider.System,
            Logging = NullLoggerFactory.Instance,
            Services = services ?? (s => s.AddSingleton<StubAgent>()),
            Map = map,
            Version = "9.9.9",
            Features = ["a", "b"],
            FailuresPerMinute = failuresPerMinute,
            StartWithoutTcp = startWithoutTcp,
        };

    public static async Task<RoleServer> StartAsync(RoleServerOptions options)
    {
        var server = RoleServer.Build(options);
        try
        {
            await server.StartAsync(CancellationToken.None);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>An agent's server with <see cref="StubAgent"/>.</summary>
    public static Task<RoleServer> AgentAsync(
        TestFleet? fleet, TestDirectory? directory = null, TestAudit? audit = null, string? socket = null, CredentialSource? credentials = null,
        int failuresPerMinute = 1_000_000, TimeProvider? clock = null, IReadOnlyList<string>? addresses = null, bool startWithoutTcp = false) =>
        StartAsync(Options(fleet, "agent/orion", AgentMethods.Table, e => e.MapGrpcService<StubAgent>(), directory, audit, socket, credentials,
            failuresPerMinute, clock, addresses, startWithoutTcp));
}
