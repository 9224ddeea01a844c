using System.Diagnostics;
using System.Runtime.InteropServices;
using Mcp.Transport;

namespace Mcp.Tests.Transport;

/// <summary>This process sees no public root; what it starts sees the environment as the operator set it.</summary>
internal sealed partial class SystemRootsTests
{
    [Test]
    public async Task The_store_is_empty_here_and_unchanged_for_children()
    {
        var before = Environment.GetEnvironmentVariable("SSL_CERT_DIR");
        SystemRoots.LeaveOut();
        foreach (var place in (string[])["SSL_CERT_FILE", "SSL_CERT_DIR"])
            await Assert.That(Marshal.PtrToStringUTF8(NativeVariable(place))).IsEqualTo("");
        await Assert.That(Environment.GetEnvironmentVariable("SSL_CERT_DIR")).IsEqualTo(before);

        using var child = Process.Start(new ProcessStartInfo("/usr/bin/env") { RedirectStandardOutput = true })!;
        var lines = (await child.StandardOutput.ReadToEndAsync()).Split('\n');
        await child.WaitForExitAsync();
        await Assert.That(lines.FirstOrDefault(l => l.StartsWith("SSL_CERT_DIR=", StringComparison.Ordinal))).IsEqualTo(before is null ? null : "SSL_CERT_DIR=" + before);
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr NativeVariable(string name);
}
