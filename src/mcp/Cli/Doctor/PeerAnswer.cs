using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using Grpc.Health.V1;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;

namespace Mcp.Cli.Doctor;

/// <summary>One master or agent that was called at one of its addresses, and what came of it.</summary>
internal sealed record PeerAnswer
{
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(6);

    /// <summary><c>master/mcp-master</c>, <c>agent/orion</c>.</summary>
    public required string Name { get; init; }

    /// <summary>host:port.</summary>
    public required string Address { get; init; }

    /// <summary>Why this address is known: a file, or the master's list.</summary>
    public required string Source { get; init; }

    /// <summary>Null: it answered.</summary>
    public McpException? Fault { get; init; }

    /// <summary>From the call to its answer.</summary>
    public TimeSpan RoundTrip { get; init; }

    /// <summary>Its clock minus ours; null when it did not say.</summary>
    public TimeSpan? Skew { get; init; }

    /// <summary>What the measurement of <see cref="Skew"/> cannot tell.</summary>
    public TimeSpan Uncertainty { get; init; }

    /// <summary>Calls everybody that this machine's configurations know, all at once, each as the principal whose configuration knows them.</summary>
    public static async Task<IReadOnlyList<PeerAnswer>> AskAllAsync(DoctorScene scene, CancellationToken cancel)
    {
        var asked = new List<Task<PeerAnswer>>();
        if (scene.Operator is { } human && Identity.Open(human.CredentialFile, human.TrustFile) is { } person)
        {
            asked.Add(AskAsync(scene, person, Principal.TheMaster, human.MasterAddress, "mcp.toml", cancel));
            foreach (var node in human.Nodes)
            {
                if (NodeName.TryParse(node.Name, out var name, out _))
                    asked.AddRange(node.Addresses.Select(a => AskAsync(scene, person, Principal.AgentOf(name), a, "mcp.toml", cancel)));
            }
        }
        if (scene.Agent is { } agent && Identity.Open(agent.TlsCertificate, agent.CaCertificate) is { } machine)
        {
            if (agent.MasterAddress is { Length: > 0 } master)
                asked.Add(AskAsync(scene, machine, Principal.TheMaster, master, "mcp-agent.toml", cancel));
            if (NodeName.TryParse(agent.Name, out var own, out _))
                asked.Add(AskAsync(scene, machine, Principal.AgentOf(own), agent.Address, "mcp-agent.toml", cancel));
        }
        if (scene.Master is { } role && Identity.Open(role.TlsCertificate, role.CaCertificate) is { } self)
            asked.Add(AskAsync(scene, self, Principal.TheMaster, role.Address, "mcp-master.toml", cancel));
        return await Task.WhenAll(asked);
    }

    private static async Task<PeerAnswer> AskAsync(DoctorScene scene, Identity identity, Principal expected, string address, string source, CancellationToken cancel)
    {
        var answer = new PeerAnswer { Name = expected.ToString(), Address = address, Source = source };
        try
        {
            using var channel = PeerChannel.Open([address], expected, new CredentialSource(identity.Credential), new TrustSource(identity.Trust), identity.Domain, scene.Context.Clock);
            var health = new Health.HealthClient(channel);
            // Twice: the first call pays for connection and handshake, and would make the clocks' difference less certain.
            await health.CheckAsync(new HealthCheckRequest(), deadline: DateTime.UtcNow + CallLimit, cancellationToken: cancel);
            var before = scene.Context.Clock.GetUtcNow();
            var started = Stopwatch.GetTimestamp();
            using var call = health.CheckAsync(new HealthCheckRequest(), deadline: DateTime.UtcNow + CallLimit, cancellationToken: cancel);
            var headers = await call.ResponseHeadersAsync;
            var trip = Stopwatch.GetElapsedTime(started);
            await call.ResponseAsync;
            // The header has whole seconds and is made once a second: the true time lies up to two seconds after it.
            return DateTimeOffset.TryParse(headers.GetValue("date"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var theirs)
                ? answer with { RoundTrip = trip, Skew = theirs.AddSeconds(1) - (before + (trip / 2)), Uncertainty = TimeSpan.FromSeconds(1) + (trip / 2) }
                : answer with { RoundTrip = trip };
        }
        catch (McpException e)
        {
            return answer with { Fault = e };
        }
        catch (RpcException e)
        {
            return answer with { Fault = new McpException(FaultCode.Unavailable, $"the call broke: {Text.Printable.Line(e.Status.Detail, 200)}", e) };
        }
    }

    /// <summary>Key, chain and roots of one configuration; null when they cannot be used, which other checks tell.</summary>
    private sealed record Identity(Credential Credential, TrustBundle Trust, string Domain)
    {
        public static Identity? Open(string credentialFile, string trustFile)
        {
            try
            {
                var credential = new CredentialFile(credentialFile).Load();
                return Uri.TryCreate(credential.Uri, UriKind.Absolute, out var uri) ? new(credential, TrustBundle.FromFile(trustFile), uri.Host) : null;
            }
            catch (Exception e) when (e is McpException or IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }
}
