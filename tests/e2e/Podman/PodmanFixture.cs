using System.Collections.Concurrent;
using System.Globalization;
using Mcp.EndToEnd.Harness;
using Mcp.Podman;
using Microsoft.Extensions.Logging.Abstractions;
using TUnit.Core.Interfaces;

namespace Mcp.EndToEnd.Podman;

/// <summary>
/// A real <c>podman system service</c> of the tests' own on this machine's store, and the client on it. Everything made here carries a name and a
/// label of this run; what a killed run left is removed by the next.
/// </summary>
internal sealed class PodmanFixture : IAsyncInitializer, IAsyncDisposable
{
    private const string Owner = "mcp.test.podman";

    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentBag<string> _images = [];
    private int _count;

    /// <summary>The client.</summary>
    public PodmanClient Podman { get; private set; } = null!;

    /// <summary>The service.</summary>
    public PodmanService Service { get; private set; } = null!;

    /// <summary>A folder for mounts.</summary>
    public string Folder => _folder.Path;

    /// <summary>Id of the busybox image.</summary>
    public string Busybox { get; private set; } = "";

    /// <summary>A label that marks what this run made.</summary>
    public static KeyValuePair<string, string> Mark => new(Owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    /// <summary>A name that nobody else has.</summary>
    public string Unique(string word) => string.Create(CultureInfo.InvariantCulture, $"mcpt-{word}-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");

    public async Task InitializeAsync()
    {
        Service = await StartServiceAsync(_folder.PathOf("podman.sock"), new Dictionary<string, string>());
        Podman = new PodmanClient(_folder.PathOf("podman.sock"));
        Busybox = (await Podman.InspectImageAsync(TestPodman.BusyboxImage, default))!.Id;
        await RemoveAsync(owner => !Directory.Exists($"/proc/{owner}"));
    }

    /// <summary>Remembers an image, to be removed at the end with all its names.</summary>
    public string Keep(string imageId)
    {
        _images.Add(imageId);
        return imageId;
    }

    /// <summary>A service on a socket, in the environment that podman needs on this machine.</summary>
    public static async Task<PodmanService> StartServiceAsync(string socketPath, Dictionary<string, string> environment)
    {
        foreach (var (name, value) in await TestPodman.EnvironmentAsync())
            environment.TryAdd(name, value ?? "");
        return await PodmanService.StartAsync(
            new PodmanServiceOptions { SocketPath = socketPath, Environment = environment }, TimeProvider.System, NullLogger.Instance, default);
    }

    /// <summary>A spec that runs a shell command in busybox on the host's network.</summary>
    public ContainerCreateSpec Shell(string name, string script) => new()
    {
        Name = name,
        ImageId = Busybox,
        Command = ["sh", "-c", script],
        Labels = new Dictionary<string, string>([Mark]),
        StopTimeout = TimeSpan.FromSeconds(1),
    };

    /// <summary>Makes and starts it; returns the id.</summary>
    public async Task<string> RunAsync(ContainerCreateSpec spec)
    {
        var id = await Podman.CreateContainerAsync(spec, default);
        await Podman.StartContainerAsync(id, default);
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        await RemoveAsync(owner => owner == Mark.Value);
        foreach (var id in _images)
        {
            foreach (var tag in (await Podman.InspectImageAsync(id, default))?.RepoTags ?? [])
                await Podman.RemoveImageAsync(tag, default);
            await Podman.RemoveImageAsync(id, default);
        }
        Podman.Dispose();
        await Service.DisposeAsync();
        _folder.Dispose();
    }

    private async Task RemoveAsync(Func<string, bool> whose)
    {
        foreach (var container in await Podman.ListContainersAsync([Owner], default))
        {
            if (whose(container.Labels.GetValueOrDefault(Owner, "")))
                await Podman.RemoveContainerAsync(container.Id, default, force: true);
        }
        foreach (var network in await Podman.ListNetworksAsync([Owner], default))
        {
            if (whose(network.Labels.GetValueOrDefault(Owner, "")))
                await Podman.RemoveNetworkAsync(network.Name, default);
        }
    }
}
