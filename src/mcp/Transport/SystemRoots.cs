using System.Runtime.InteropServices;

namespace Mcp.Transport;

/// <summary>
/// Keeps the machine's certificate store out of this process. Nothing here trusts a public root, yet the framework reads the whole store, some
/// three hundred files, before it builds its first chain, whatever that chain may trust: two thirds of the processor time of <c>mcp ps</c>, and
/// seven megabytes of every role for as long as it runs. Code that has to trust public roots one day loads them itself and names them in
/// <c>CustomTrustStore</c>; the two variables still say where they are (<see cref="Environment.GetEnvironmentVariable(string)"/>).
/// Call it first thing in the process, before any thread asks for a variable.
/// </summary>
internal static partial class SystemRoots
{
    // Where OpenSSL, and so the framework, looks for the store (X509_get_default_cert_file_env(3)).
    private static readonly string[] Places = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

    /// <summary>From now on the store is empty for this process, and for nobody that it starts.</summary>
    public static void LeaveOut()
    {
        foreach (var place in Places)
        {
            // Any write makes the framework take a copy of the environment; it serves this process from then on and goes to its children.
            Environment.SetEnvironmentVariable(place, Environment.GetEnvironmentVariable(place));
            const int replace = 1;
            if (SetVariable(place, "", replace) != 0)
                throw new InvalidOperationException($"setenv {place}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int replace);
}
