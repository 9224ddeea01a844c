using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Lifecycle;
using Mcp.Archive;
using Mcp.Hostile;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Tests.Archive;
using Mcp.Tests.Podman;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Agent.Importing;

/// <summary>The agent's work on data as a whole, on a real file system, over a podman in which nothing runs unless a test says so.</summary>
internal sealed class ImportBench : IAsyncDisposable
{
    public const string Volume = "11111111-2222-3333-4444-555555555555";

    private readonly TemporaryFolder _folder = new();
    private readonly AgentConfiguration _configuration;
    private PodmanClient _client;

    public ImportBench()
    {
        _configuration = TestAgent.In(_folder, Podman);
        Directory.CreateDirectory(_folder["outside"]);
        File.WriteAllText(_folder["outside/precious"], "untouched");
        Podman.On("GET", "containers/json", answer => answer.TextAsync(200, Containers));
        (_client, Parts, Agent) = Open();
    }

    public FakePodman Podman { get; } = new();

    public AgentParts Parts { get; private set; }

    public AgentComposition Agent { get; private set; }

    /// <summary>What podman lists.</summary>
    public string Containers { get; set; } = "[]";

    public string DataRoot => _configuration.DataRoot;

    public string PathOf(string name) => _folder[name];

    public string DataOf(string service, string name = "") => Path.Combine(DataRoot, service, name);

    /// <summary>What lies in a place of the agent's own.</summary>
    public string[] Placed(string place)
    {
        var path = Path.Combine(DataRoot, ".mcp", place);
        return Directory.Exists(path) ? Directory.GetFileSystemEntries(path) : [];
    }

    public bool OutsideIsUntouched => File.ReadAllText(_folder["outside/precious"]) == "untouched" && Directory.GetFileSystemEntries(_folder["outside"]).Length == 1 && !Path.Exists("/tmp/mcp-nobody-has-this");

    /// <summary>What a new process finds, without having begun anything.</summary>
    public void Reopen()
    {
        Parts.Dispose();
        _client.Dispose();
        (_client, Parts, Agent) = Open();
    }

    /// <summary>What a new process does with what the old one left.</summary>
    public async Task RestartAsync()
    {
        Reopen();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await Agent.Start.RunAsync(null, limit.Token);
    }

    public static Asker Asker(string? id = null) => new(id is null ? OperationId.New(TimeProvider.System) : OperationId.Parse(id), "master/mcp-master", Direct: false);

    /// <summary>A tree as a stored archive.</summary>
    public static byte[] Pack(string tree) => Compress(ArchiveBench.Export(tree).Tar);

    public static byte[] Compress(byte[] tar)
    {
        var compressed = new MemoryStream();
        using (var zstd = ZstdOutput.Open(compressed))
            zstd.Write(tar);
        return compressed.ToArray();
    }

    /// <summary>The trailer of an uncompressed archive.</summary>
    public static StreamTrailer TrailerOf(byte[] tar)
    {
        var reader = new ArchiveReader(new MemoryStream(tar), new ArchiveLimits());
        try
        {
            while (reader.Next() is not null)
            {
            }
        }
        catch (ArchiveException)
        {
            // A hostile one: the number does not matter.
        }
        return new StreamTrailer { Sha256 = Convert.ToHexStringLower(SHA256.HashData(tar)), Bytes = (ulong)tar.Length, Entries = (ulong)reader.Entries };
    }

    public static ImportServiceDataRequest First(string service = "notes", ulong epoch = 1, bool force = false) =>
        new() { ServiceName = service, Epoch = epoch, VolumeId = Volume, Force = force, Spec = new ServiceSpec { Name = service, Active = true } };

    /// <summary>The messages of a whole import.</summary>
    public static List<ImportServiceDataRequest> Messages(byte[] tar, ImportServiceDataRequest? first = null, int piece = 64 * 1024)
    {
        List<ImportServiceDataRequest> messages = [first ?? First()];
        messages.AddRange(Compress(tar).Chunk(piece).Select(c => new ImportServiceDataRequest { Data = ByteString.CopyFrom(c) }));
        messages.Add(new ImportServiceDataRequest { Trailer = TrailerOf(tar) });
        return messages;
    }

    public Task<ImportServiceDataResponse> ImportAsync(byte[] tar, ImportServiceDataRequest? first = null, string? id = null) => SendAsync(Messages(tar, first), id);

    public Task<ImportServiceDataResponse> SendAsync(List<ImportServiceDataRequest> messages, string? id = null, CancellationToken call = default)
    {
        // As the server does: the first message is read before anything begins.
        var stream = new Messages<ImportServiceDataRequest>(messages[1..]);
        Agent.Journal.Open();
        return Agent.Data.ImportAsync(Asker(id), messages[0], stream, call);
    }

    /// <summary>An archive of one file.</summary>
    public static byte[] OneFile(string name, string content) => new TarForge().Entry("./", '5', mode: "0000755\0").Entry(name, content: content).End();

    public async ValueTask DisposeAsync()
    {
        Parts.Dispose();
        _client.Dispose();
        await Podman.DisposeAsync();
        using (var process = System.Diagnostics.Process.Start("rm", ["-rf", _folder.Path]))
            await process.WaitForExitAsync();
        _folder.Dispose();
    }

    private (PodmanClient, AgentParts, AgentComposition) Open()
    {
        var client = Podman.Client();
        var parts = new AgentParts(_configuration, TimeProvider.System, NullLoggerFactory.Instance, client, "fleet.example");
        return (client, parts, AgentComposition.Of(parts));
    }
}

/// <summary>Messages that are all there already.</summary>
internal sealed class Messages<T>(List<T> messages) : IAsyncStreamReader<T>
{
    private int _at = -1;

    public T Current => messages[_at];

    /// <summary>Ends the stream by an error instead of an end, as a cut connection does.</summary>
    public Exception? Cut { get; init; }

    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (++_at < messages.Count)
            return Task.FromResult(true);
        return Cut is null ? Task.FromResult(false) : throw Cut;
    }
}
