/* As much of the Arduino framework as a sketch needs to run on the host: Serial prints to stdout. */
#ifndef Arduino_h
#define Arduino_h

#include <cstddef>
#include <cstdint>
#include <cstdio>

class __FlashStringHelper;
#define F(text) (reinterpret_cast<const __FlashStringHelper *>(text))

struct HardwareSerial {
    void begin(unsigned long) {}
    explicit operator bool() const { return true; }
    void print(const __FlashStringHelper *text) { print(reinterpret_cast<const char *>(text)); }
    void print(const char *text) { std::fputs(text, stdout); }
    void print(char letter) { std::putchar(letter); }
    void print(unsigned char value) { std::printf("%u", value); }
    void print(int value) { std::printf("%d", value); }
    void print(unsigned int value) { std::printf("%u", value); }
    void print(long value) { std::printf("%ld", value); }
    void print(unsigned long value) { std::printf("%lu", value); }
    void print(double value) { std::printf("%.2f", value); }
    void println(double value, int digits) { std::printf("%.*f\n", digits, value); }
    template <typename Value> void println(Value value)
    {
        print(value);
        std::putchar('\n');
    }
};

static HardwareSerial Serial;
static inline unsigned long millis() { return 0; }
static inline void delay(unsigned long) {}

void setup();
void loop();

int main()
{
    setup();
    loop();
}

#endif
