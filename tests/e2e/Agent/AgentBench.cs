using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Lifecycle;
using Mcp.Definitions;
using Mcp.EndToEnd.Harness;
using Mcp.Names;
using Mcp.Podman;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.EndToEnd.Agent;

/// <summary>
/// The agent's operations on real podman, without a fleet around them: registry and data in a folder of the test's own, services with names of its
/// own. <see cref="RestartAsync"/> is what a new process would do with what the old one left on disk.
/// </summary>
internal sealed class AgentBench : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> Socket = new(StartPodmanAsync);

    private readonly TemporaryFolder _folder;
    private readonly AgentConfiguration _configuration;
    private readonly List<string> _services = [];
    private PodmanClient _podman;

    private AgentBench(TemporaryFolder folder, string socket, Func<AgentConfiguration, AgentConfiguration>? change)
    {
        _folder = folder;
        var configuration = new AgentConfiguration
        {
            Name = "bench-" + Guid.NewGuid().ToString("N")[..8],
            Role = "worker",
            Address = "127.0.0.1:1",
            TlsCertificate = "unused",
            TlsKey = "unused",
            CaCertificate = "unused",
            Database = Path.Combine(folder.Path, "home", "mcp.db"),
            DataRoot = Path.Combine(folder.Path, "srv"),
            PodmanSocket = socket,
            Listen = [],
        };
        _configuration = change?.Invoke(configuration) ?? configuration;
        Directory.CreateDirectory(Path.Combine(folder.Path, "home"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(_configuration.DataRoot);
        (_podman, Parts, Agent) = Open();
    }

    public AgentParts Parts { get; private set; }

    public AgentComposition Agent { get; private set; }

    public PodmanClient Podman => _podman;

    public string DataRoot => _configuration.DataRoot;

    /// <summary>A bench whose agent has started.</summary>
    public static async Task<AgentBench> StartAsync(Func<AgentConfiguration, AgentConfiguration>? change = null)
    {
        var bench = new AgentBench(new TemporaryFolder(), await Socket.Value, change);
        await bench.Agent.Start.RunAsync(null, CancellationToken.None);
        return bench;
    }

    /// <summary>A service name that no other test has.</summary>
    public string NewService()
    {
        var name = "t" + Guid.NewGuid().ToString("N")[..10];
        _services.Add(name);
        return name;
    }

    /// <summary>A definition's spec.</summary>
    public static ServiceSpec Spec(string toml)
    {
        var read = DefinitionReader.Read("test.toml", toml);
        return SpecBuilder.Build(read.Definition ?? throw new InvalidOperationException(string.Join('\n', read.Problems)));
    }

    /// <summary>Deploys as the master would.</summary>
    public Task<AgentDeployResult> DeployAsync(ServiceSpec spec, Action<AgentDeployRequest>? change = null, string? id = null)
    {
        var request = new AgentDeployRequest
        {
            Spec = spec,
            SpecHash = SpecHash.OfService(spec),
            Epoch = 1,
            VolumeId = "11111111-2222-3333-4444-555555555555",
            SeenGeneration = Parts.Services.Find(spec.Name)?.Generation ?? 0,
        };
        change?.Invoke(request);
        return Agent.Operations.DeployAsync(Asker(id), request, CancellationToken.None);
    }

    /// <summary>An asker with an operation of its own.</summary>
    public static Asker Asker(string? id = null) =>
        new(id is null ? OperationId.New(TimeProvider.System) : OperationId.Parse(id), "human/tester", Direct: false);

    /// <summary>What a new process does with what this one left.</summary>
    public async Task RestartAsync(string? socket = null)
    {
        UseSocket(socket);
        await Agent.Start.RunAsync(null, CancellationToken.None);
    }

    /// <summary>As <see cref="RestartAsync"/>, and the start is the test's own.</summary>
    public void UseSocket(string? socket)
    {
        Parts.Dispose();
        _podman.Dispose();
        (_podman, Parts, Agent) = Open(socket);
    }

    /// <summary>All containers of a service, in whatever state and under whatever name.</summary>
    public Task<IReadOnlyList<ContainerSummary>> ContainersAsync(string service) => Parts.Containers.LabelledAsync(service, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services)
        {
            foreach (var container in await ContainersAsync(service))
                await _podman.RemoveContainerAsync(container.Id, CancellationToken.None, force: true);
            await _podman.RemoveNetworkAsync($"mcp-{service}", CancellationToken.None);
        }
        Parts.Dispose();
        _podman.Dispose();
        _folder.Dispose();
    }

    /// <summary>Podman's real socket.</summary>
    public string PodmanSocket => _configuration.PodmanSocket;

    /// <summary>A path in the test's own folder.</summary>
    public string PathOf(string name) => _folder.PathOf(name);

    private (PodmanClient, AgentParts, AgentComposition) Open(string? socket = null)
    {
        var podman = new PodmanClient(socket ?? _configuration.PodmanSocket);
        var parts = new AgentParts(_configuration, TimeProvider.System, NullLoggerFactory.Instance, podman);
        return (podman, parts, AgentComposition.Of(parts));
    }

    private static async Task<string> StartPodmanAsync()
    {
        foreach (var (key, value) in await TestPodman.EnvironmentAsync())
            Environment.SetEnvironmentVariable(key, value);
        var socket = Path.Combine(Path.GetTempPath(), $"mcp-bench-{Environment.ProcessId}", "podman.sock");
        // Lives as long as the test process; its end takes the service with it.
        await PodmanService.StartAsync(new PodmanServiceOptions { SocketPath = socket }, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        return socket;
    }
}
