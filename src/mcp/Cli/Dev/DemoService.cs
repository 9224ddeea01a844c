using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using Mcp.Files;
using Mcp.Names;
using Mcp.Podman;

namespace Mcp.Cli.Dev;

/// <summary>
/// The service that <c>mcp dev</c> offers to deploy first. Its image is made from this very file: it is static, so a root file system that
/// holds nothing else is a whole container, and no registry is needed.
/// </summary>
internal static class DemoService
{
    /// <summary>The service's name.</summary>
    public const string Name = "hello";

    private const string Mark = "demo.sha256";

    private static string Image => $"localhost/mcp-demo:{ProgramVersion.Text}";

    /// <summary>Loads the image where it is missing or of another build, writes the definition where there is none; false when there can be no demo.</summary>
    public static async Task<bool> PrepareAsync(CommandContext context, DevLayout layout, CancellationToken cancel)
    {
        // A development build is many files, and no image can be made of one of them.
        if (Environment.ProcessPath is not { } program || File.Exists(Path.Combine(AppContext.BaseDirectory, "mcp.dll")))
        {
            context.Reporter.Warning("this is a development build, not the one static file; there is no demo image");
            return false;
        }
        using var podman = new PodmanClient(layout.PodmanSocket, clock: context.Clock);
        string hash;
        await using (var file = File.OpenRead(program))
            hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
        var image = await podman.InspectImageAsync(Image, cancel);
        if (image is null || image.Labels.GetValueOrDefault(Mark) != hash)
        {
            context.Reporter.Note($"loading the demo image {Image}");
            await using var tar = await PackAsync(program, layout, cancel);
            await podman.ImportImageAsync(tar, Image, ["ENTRYPOINT [\"/mcp\"]", "CMD [\"demo-server\"]", $"LABEL {Mark}={hash}"], cancel);
        }
        var definition = Path.Combine(layout.CliFolder, "services", Name + ".toml");
        if (!File.Exists(definition))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(definition)!);
            DurableFile.Write(definition, Encoding.UTF8.GetBytes(Definition()), DurableFile.Secret);
        }
        return true;
    }

    private static async Task<Stream> PackAsync(string program, DevLayout layout, CancellationToken cancel)
    {
        // A file, since podman wants the length; it is gone when it is closed.
        var stream = new FileStream(
            Path.Combine(layout.Root, "run", $"demo-{Guid.NewGuid():N}.tar"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 65536,
            FileOptions.DeleteOnClose | FileOptions.Asynchronous);
        await using (var writer = new TarWriter(stream, TarEntryFormat.Ustar, leaveOpen: true))
        {
            await using var file = File.OpenRead(program);
            await writer.WriteEntryAsync(
                new UstarTarEntry(TarEntryType.RegularFile, "mcp")
                {
                    DataStream = file,
                    Mode = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute,
                },
                cancel);
        }
        stream.Position = 0;
        return stream;
    }

    private static string Definition() => $"""
        # The demo of 'mcp dev'. Change it, then: mcp deploy {Name}
        name = "{Name}"

        [[components]]
        name    = "{Name}"
        image   = "{Image}"
        volumes = ["/srv/{Name}:/data"]   # its count of visits; stays over redeploys

        [components.health]
        type = "http"
        port = 8080
        path = "/healthz"

        [[components.routes]]
        name           = "web"
        port           = 8443
        mode           = "l7"
        container_port = 8080

        """;
}
